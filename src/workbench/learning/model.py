"""A trained network with everything that it needs to be asked: encoders, architecture, how it came to be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError
from workbench.learning.columns import Columns
from workbench.learning.config import SETTINGS, EpochReport, TrainConfig
from workbench.learning.networks.specs import spec_from_dict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    import torch
    from torch import nn

    from workbench.learning.calibration import Conformal, Temperature
    from workbench.learning.encoding import TableEncoder
    from workbench.learning.networks import Spec
    from workbench.learning.tensors import TensorTable

__all__ = ["TabularModel"]

FORMAT = 2
READABLE = (1, 2)
"""1 had no calibration."""

WEIGHTS, RECORD = "model.safetensors", "model.json"


class TabularModel:
    """What :func:`workbench.learning.fit` returns.

    Attributes:
        columns: what it predicts, from what.
        encoder: from a table to matrices.
        config: how it was trained; ``batch_size`` and ``network`` are those that were used.
        network: the module, in evaluation mode.
        history: one report an epoch.
        temperature: what its log-odds are divided by; None for a regression.
        conformal: how far off its values are; None for a classification.
    """

    def __init__(
        self,
        columns: Columns,
        encoder: TableEncoder,
        config: TrainConfig,
        network: nn.Module,
        history: list[EpochReport] | None = None,
    ) -> None:
        self.columns, self.encoder, self.config, self.network = columns, encoder, config, network
        self.history = history or []
        self.temperature: Temperature | None = None
        self.conformal: Conformal | None = None

    @property
    def spec(self) -> Spec:
        """The architecture."""
        assert self.config.network is not None  # noqa: S101 - whoever makes a model has chosen it
        return self.config.network

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @property
    def weights(self) -> int:
        """Number of learned numbers."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def predict(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """Predict every row of a table that has the feature columns; other columns are not looked at.

        Returns:
            ``binary``: the probability of 1, ``(rows,)``; ``multiclass``: probabilities in the order of
            ``columns.classes``, ``(rows, classes)``; ``regression``: the value, ``(rows,)``. Probabilities are
            calibrated on the validation rows.

        Raises:
            ModelError: a column is missing or of the wrong type.
        """
        import numpy as np

        from workbench.learning.objectives import predictions
        from workbench.learning.tensors import run_network, to_tensors

        if not table.num_rows:
            shape = (0, self.encoder.target.outputs) if self.columns.task == "multiclass" else (0,)
            return np.empty(shape)
        features = to_tensors(self.encoder.features(table), self.device)
        result: npt.NDArray[np.float64] = (
            predictions(self.encoder.target, run_network(self.network, features)).cpu().numpy()
        )
        return self.temperature.apply(self.columns.task, result) if self.temperature else result

    def predict_interval(
        self, table: pa.Table, coverage: float = 0.9
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The lower and the upper ends, ``(rows,)`` each, of intervals that hold the value in ``coverage`` of all rows.

        Raises:
            ModelError: it is no regression, the model was never calibrated, or the coverage cannot be promised.
        """
        if self.conformal is None:
            raise ModelError(
                f"there are intervals for a regression only, and this is a {self.columns.task} model"
                if self.columns.task != "regression"
                else "the model was made before there were intervals",
                hint="train it again: `kedro run --pipeline train`" if self.columns.task == "regression" else "",
            )
        half = self.conformal.half_width(coverage)
        value = self.predict(table)
        return value - half, value + half

    def calibrate(self, validation: TensorTable) -> None:
        """Learn temperature or intervals from rows that no weight was fitted on."""
        from workbench.learning.calibration import Conformal, Temperature
        from workbench.learning.objectives import predictions

        predicted = predictions(self.encoder.target, validation.outputs(self.network)).cpu().numpy()
        if self.columns.task == "regression":
            self.conformal = Conformal.fit(validation.labels, predicted)
        else:
            self.temperature = Temperature.fit(self.columns.task, validation.labels, predicted)

    def save(self, folder: Path) -> None:
        """Write the model durably, in place of whatever the folder held.

        ``model.safetensors`` holds the weights, ``model.json`` all the rest, ``manifest.json`` the sha256 of both. The
        same model gives the same bytes.
        """
        from safetensors.torch import save

        from workbench.learning.storage import write_model

        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        text = json.dumps(self._record(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_model(folder, {WEIGHTS: save(weights), RECORD: text.encode()})

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> TabularModel:
        """Read a model, after its manifest was checked.

        Raises:
            ModelError: it is missing, incomplete, changed since it was written, or of an architecture that is unknown.
        """
        from workbench.learning.storage import read_model

        files = read_model(folder, (WEIGHTS, RECORD))
        try:
            return cls._parsed(json.loads(files[RECORD]), files[WEIGHTS], device)
        except ModelError as error:
            raise ModelError(error.what, where=str(folder), tried=error.tried, hint=error.hint) from error
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, RuntimeError) as error:
            raise ModelError(
                f"is not what this version of the workbench writes ({type(error).__name__})",
                where=str(folder / RECORD),
                hint="train the model again: `kedro run --pipeline train`",
            ) from error

    def _record(self) -> dict[str, Any]:
        calibration = self.temperature or self.conformal
        settings = {name: getattr(self.config, name) for name in SETTINGS}
        return {
            "format": FORMAT,
            "architecture": self.spec.to_dict(),
            "columns": self.columns.to_dict(),
            "training": settings,
            "history": [report.to_dict() for report in self.history],
            "calibration": asdict(calibration) if calibration else None,
            "encoder": self.encoder.to_dict(),
        }

    @classmethod
    def _parsed(cls, record: dict[str, Any], weights: bytes, device: str) -> TabularModel:
        import torch

        from workbench.learning.calibration import Conformal, Temperature
        from workbench.learning.devices import pick_device
        from workbench.learning.encoding import TableEncoder
        from workbench.learning.networks import build
        from workbench.learning.storage import weights_of

        if record["format"] not in READABLE:
            raise ModelError(f"has format {record['format']!r}, and this version of the workbench reads {FORMAT}")
        columns = Columns.from_dict(record["columns"])
        spec = spec_from_dict(record["architecture"])
        config = TrainConfig(network=spec, **record["training"])
        encoder = TableEncoder.from_dict(record["encoder"], columns)
        # On the meta device nothing is allocated or drawn: a record that asks for terabytes fails at the comparison
        # of shapes.
        with torch.device("meta"):
            network = build(spec, encoder.inputs)
        network.load_state_dict(weights_of(weights), strict=True, assign=True)
        history = [EpochReport.from_dict(report) for report in record["history"]]
        model = cls(columns, encoder, config, network.to(pick_device(device)).eval(), history)
        calibration = record["calibration"] if record["format"] > 1 else None
        if calibration and columns.task == "regression":
            model.conformal = Conformal.from_dict(calibration)
        elif calibration:
            model.temperature = Temperature.from_dict(calibration)
        return model
