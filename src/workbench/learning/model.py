"""What all trained models have in common: they predict, they are calibrated, and they lie on disk without a pickle.

A model is columns, a calibration, and a body of one of the kinds in :func:`kind_named`: a network, boosted trees, a
linear model, or a weighted mean of those. Whatever it is, its folder holds ``model.safetensors`` (every array),
``model.json`` (all the rest) and ``manifest.json`` (the sha256 of both). The kind is a word in the JSON; which class it
means is said here, in our code.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from workbench.errors import ModelError
from workbench.learning.columns import Columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from torch import Tensor

    from workbench.learning.calibration import Conformal, Temperature
    from workbench.learning.config import EpochReport

__all__ = ["KINDS", "TabularModel", "from_parts", "kind_named"]

FORMAT = 3
READABLE = (1, 2, 3)
"""1 had no calibration; until 2, every model was a network."""

WEIGHTS, RECORD = "model.safetensors", "model.json"

KINDS = ("network", "boosting", "linear", "ensemble")
"""The allow-list."""


class TabularModel(ABC):
    """A trained model.

    Attributes:
        columns: what it predicts, from what.
        history: what its training told: an epoch, a tree or a strength of the penalty at a time.
        temperature: what its log-odds are divided by; None for a regression.
        conformal: how far off its values are; None for a classification.
    """

    kind: ClassVar[str]

    def __init__(self, columns: Columns, history: list[EpochReport] | None = None) -> None:
        self.columns, self.history = columns, history or []
        self.temperature: Temperature | None = None
        self.conformal: Conformal | None = None

    @abstractmethod
    def uncalibrated(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """As :meth:`predict`, before the temperature; the table has a row at least."""

    @abstractmethod
    def body(self) -> dict[str, Any]:
        """What goes into JSON, beside columns and calibration."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What goes into safetensors, contiguous and on the CPU."""

    @classmethod
    @abstractmethod
    def parsed(cls, columns: Columns, body: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> Self:
        """What :meth:`body` and :meth:`tensors` wrote. Anything that does not fit is an error, never a guess."""

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

        if not table.num_rows:
            return np.empty((0, len(self.columns.classes or ())) if self.columns.task == "multiclass" else (0,))
        result = self.uncalibrated(table)
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

    def calibrate(self, labels: npt.NDArray[Any], predicted: npt.NDArray[np.float64]) -> None:
        """Learn temperature or intervals from rows that no weight was fitted on.

        Args:
            labels: as metrics take them.
            predicted: what :meth:`uncalibrated` says of the same rows.
        """
        from workbench.learning.calibration import Conformal, Temperature

        if self.columns.task == "regression":
            self.conformal = Conformal.fit(labels, predicted)
        else:
            self.temperature = Temperature.fit(self.columns.task, labels, predicted)

    def record(self) -> dict[str, Any]:
        """The whole model but for its tensors, as JSON."""
        calibration = self.temperature or self.conformal
        return {
            "format": FORMAT,
            "kind": self.kind,
            "columns": self.columns.to_dict(),
            "calibration": asdict(calibration) if calibration else None,
            **self.body(),
        }

    def save(self, folder: Path) -> None:
        """Write the model durably, in place of whatever the folder held. The same model gives the same bytes."""
        from safetensors.torch import save

        from workbench.learning.storage import write_model

        text = json.dumps(self.record(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_model(folder, {WEIGHTS: save(self.tensors()), RECORD: text.encode()})

    @staticmethod
    def load(folder: Path, device: str = "cpu") -> TabularModel:
        """Read a model of any kind, after its manifest was checked.

        Raises:
            ModelError: it is missing, incomplete, changed since it was written, or of a kind that is unknown.
        """
        from workbench.learning.storage import read_model, weights_of

        files = read_model(folder, (WEIGHTS, RECORD))
        try:
            return from_parts(json.loads(files[RECORD]), weights_of(files[WEIGHTS]), device)
        except ModelError as error:
            raise ModelError(error.what, where=str(folder), tried=error.tried, hint=error.hint) from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, RuntimeError) as error:
            raise ModelError(
                f"is not what this version of the workbench writes ({type(error).__name__})",
                where=str(folder / RECORD),
                hint="train the model again: `kedro run --pipeline train`",
            ) from error


def kind_named(name: str) -> type[TabularModel]:
    """The class of a kind.

    Raises:
        ModelError: there is none of that name.
    """
    if name == "network":
        from workbench.learning.networks.model import NetworkModel

        return NetworkModel
    if name == "boosting":
        from workbench.learning.boosting.model import BoostingModel

        return BoostingModel
    if name == "linear":
        from workbench.learning.linear import LinearModel

        return LinearModel
    if name == "ensemble":
        from workbench.learning.ensemble import EnsembleModel

        return EnsembleModel
    raise ModelError(f"a model of kind {name!r} is unknown", tried=", ".join(KINDS))


def from_parts(record: Mapping[str, Any], tensors: Mapping[str, Tensor], device: str) -> TabularModel:
    """What :meth:`TabularModel.record` and :meth:`TabularModel.tensors` wrote."""
    from workbench.learning.calibration import Conformal, Temperature

    if record["format"] not in READABLE:
        raise ModelError(f"has format {record['format']!r}, and this version of the workbench reads {FORMAT}")
    columns = Columns.from_dict(record["columns"])
    kind = kind_named(record["kind"] if record["format"] > 2 else "network")
    model = kind.parsed(columns, record, tensors, device)
    calibration = record["calibration"] if record["format"] > 1 else None
    if calibration and columns.task == "regression":
        model.conformal = Conformal.from_dict(calibration)
    elif calibration:
        model.temperature = Temperature.from_dict(calibration)
    return model
