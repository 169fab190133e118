"""A training on disk after each epoch, so that one which was killed goes on where it was.

A checkpoint is a folder as a model's is (:mod:`workbench.learning.storage`): safetensors, JSON and a manifest with
their sha256, written beside and renamed. It holds the weights, their running mean, the best so far, the optimiser's
moments, the states of the random generators (and with them the order of the rows in every epoch to come), the reports
of the epochs and the seconds used. Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from workbench.learning.networks.model import NetworkModel
    from workbench.learning.streaming.table import StreamedTable
    from workbench.learning.tensors import TensorTable

    Learned = TensorTable | StreamedTable

__all__ = ["Checkpoint", "fingerprint", "put_random_states", "random_states"]

TENSORS, RECORD = "state.safetensors", "state.json"
FORMAT = 1

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A training between two epochs.

    Attributes:
        tensors: by name; a part before the first ``/`` says whose they are.
        record: what goes into JSON.
    """

    tensors: Mapping[str, Tensor]
    record: Mapping[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names begin with ``name/``, without that."""
        return {
            key.removeprefix(f"{name}/"): value for key, value in self.tensors.items() if key.startswith(f"{name}/")
        }

    def save(self, folder: Path, identity: str) -> None:
        """Write it durably, in place of the one before."""
        from safetensors.torch import save

        from workbench.learning.storage import write_model

        tensors = {name: value.detach().cpu().contiguous() for name, value in self.tensors.items()}
        text = json.dumps({"format": FORMAT, "identity": identity, **self.record}, allow_nan=False)
        write_model(folder, {TENSORS: save(tensors), RECORD: text.encode()})

    @classmethod
    def load(cls, folder: Path, identity: str) -> Checkpoint | None:
        """The one in the folder; None if there is none, or it is damaged or of another training, which is logged."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        from workbench.files import recover_folder
        from workbench.learning.storage import read_model

        recover_folder(folder)
        if not folder.exists():
            return None
        try:
            files = read_model(folder, (TENSORS, RECORD))
            record = json.loads(files[RECORD])
            if (record["format"], record["identity"]) != (FORMAT, identity):
                logger.warning("%s is of another training (rows or settings differ): training starts anew", folder)
                return None
            return cls(load(files[TENSORS]), record)
        except (ModelError, SafetensorError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s cannot be used (%s): training starts anew", folder, error)
            return None


def fingerprint(model: NetworkModel, train: Learned, validation: Learned) -> str:
    """What a training is: a sha256 over settings, encoders and every row. Budget and device are left out."""
    from workbench.learning.config import SETTINGS

    settings = {name: getattr(model.config, name) for name in SETTINGS}
    known = [settings, model.spec.to_dict(), model.columns.to_dict(), model.encoder.to_dict()]
    digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for table in (train, validation):
        for part in table.identity():
            digest.update(part)
    return digest.hexdigest()


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Of the generators that a training draws from."""
    import torch

    states = {"random/cpu": torch.get_rng_state()}
    return {**states, "random/cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else states


def put_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put back what :func:`random_states` found."""
    import torch

    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
