"""What a training needs to go on after ``kill -9``, and folders of files that are checked before they are used.

``checkpoint/`` holds the learning parameters, the optimiser, the random generators and a JSON record; ``best-<step>/``
the best parameters so far. The best are written first and the checkpoint names them, so that a kill between the two
leaves a whole older pair. All is safetensors and JSON; a folder is written beside and renamed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.files import durable_folder, recover_folder, sha256_of_file
from workbench.learning.language.config import TuneReport

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MANIFEST",
    "State",
    "checked_files",
    "load_checkpoint",
    "read_weights",
    "restore_optimizer",
    "save_checkpoint",
    "write_checked",
]

MANIFEST = "manifest.json"
WEIGHTS, OPTIMIZER, RECORD = "weights.safetensors", "optimizer.safetensors", "state.json"


@dataclass
class State:
    """How far a training is.

    Attributes:
        fingerprint: of all that its result depends on; another one's state is of no use.
        step: updates of the weights so far.
        tokens: that were trained on.
        best_step: the step of the best parameters.
        best_loss: their validation loss.
        seconds: spent, interruptions not counted.
        judging: seconds that the last validation and its checkpoint took; the budget keeps as many free for the next.
        history: the reports so far.
    """

    fingerprint: str
    step: int = 0
    tokens: int = 0
    best_step: int = 0
    best_loss: float = float("inf")
    seconds: float = 0.0
    judging: float = 0.0
    history: list[TuneReport] = field(default_factory=list)


def write_checked(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write files into an empty folder, add a manifest of their sha256, and put it in place as a whole."""
    with durable_folder(folder) as staging:
        fill(staging)
        files = sorted(path for path in staging.rglob("*") if path.is_file())
        digests = {path.relative_to(staging).as_posix(): sha256_of_file(path) for path in files}
        (staging / MANIFEST).write_text(json.dumps({"format": 1, "sha256": digests}, indent=1) + "\n")


def checked_files(folder: Path, hint: str) -> set[str]:
    """The names of a folder's files, after each was held against the manifest.

    Raises:
        ModelError: a file is missing, was changed, or is not in the manifest.
    """
    recover_folder(folder)
    try:
        recorded: dict[str, str] = json.loads((folder / MANIFEST).read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError("it has no manifest that can be read", where=str(folder), hint=hint) from error
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    if there != set(recorded):
        odd = min(there ^ set(recorded))
        raise ModelError(f"{odd} is missing, or is not in the manifest", where=str(folder), hint=hint)
    for name, digest in recorded.items():
        if sha256_of_file(folder / name) != digest:
            raise ModelError(f"{name} was changed since it was written", where=str(folder), hint=hint)
    return there


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError("its weights cannot be read", where=str(path), hint="tune it again") from error
    return weights


def save_checkpoint(
    work: Path, state: State, weights: Mapping[str, Tensor], optimizer: Any, best: Mapping[str, Tensor]
) -> None:
    """Write the state so that it, or the one before it, is always there whole."""
    from safetensors.torch import save_file

    kept = work / f"best-{state.best_step}"
    if not kept.is_dir():
        write_checked(kept, lambda folder: save_file(_plain(best), folder / WEIGHTS))

    def fill(folder: Path) -> None:
        save_file(_plain(weights), folder / WEIGHTS)
        save_file(_optimizer_tensors(optimizer) | _random_states(), folder / OPTIMIZER)
        record = asdict(state) | {"history": [asdict(report) for report in state.history]}
        (folder / RECORD).write_text(json.dumps(record, indent=1))

    write_checked(work / "checkpoint", fill)
    for old in work.glob("best-*"):
        if old != kept:
            shutil.rmtree(old)


def load_checkpoint(
    work: Path, fingerprint: str
) -> tuple[State, dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]] | None:
    """State, parameters, optimiser with random generators, and best parameters; None if there is none of this training.

    Raises:
        ModelError: a file of it was damaged.
    """
    folder = work / "checkpoint"
    recover_folder(folder)
    for half in work.glob(".staging-*"):  # of a process that was killed while it wrote
        shutil.rmtree(half)
    if not folder.is_dir():
        return None
    hint = f"remove {work} to begin anew"
    checked_files(folder, hint)
    record = json.loads((folder / RECORD).read_text())
    if record["fingerprint"] != fingerprint:
        return None
    state = State(**record | {"history": [TuneReport(**report) for report in record["history"]]})
    best = work / f"best-{state.best_step}"
    checked_files(best, hint)
    for later in set(work.glob("best-*")) - {best}:
        shutil.rmtree(later)
    return state, read_weights(folder / WEIGHTS), read_weights(folder / OPTIMIZER), read_weights(best / WEIGHTS)


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser and torch's generators what :func:`save_checkpoint` took from them."""
    import torch

    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        if index.isdecimal():
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _optimizer_tensors(optimizer: Any) -> dict[str, Tensor]:
    states = optimizer.state_dict()["state"]
    return _plain({f"{index}.{key}": value for index, one in states.items() for key, value in one.items()})


def _random_states() -> dict[str, Tensor]:
    import torch

    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
