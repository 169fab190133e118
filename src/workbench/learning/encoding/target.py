"""The target: from what people call it to what a loss is computed on, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError
from workbench.learning.encoding.arrow import numbers, texts

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["TargetCoder", "labels"]


def labels(table: pa.Table, columns: Columns) -> npt.NDArray[Any]:
    """The target as numbers: 0.0 and 1.0; the class's place in ``columns.classes`` (int64); or the value (float64).

    Raises:
        ModelError: a row has no target, or one that the task does not allow.
    """
    if columns.task != "multiclass":
        values = numbers(table, columns.target)
        if columns.task == "binary" and not np.isin(values[np.isfinite(values)], (0, 1)).all():
            raise _refused(columns, "has values other than 0 and 1")
        bad = ~np.isfinite(values)
    else:
        import pyarrow as pa
        import pyarrow.compute as pc

        place = pc.index_in(texts(table, columns.target), value_set=pa.array(columns.classes, pa.string()))
        values = pc.fill_null(place, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        bad = values < 0
    if bad.any():
        what = "no class that is known" if columns.task == "multiclass" else "no finite value"
        raise _refused(columns, f"has {what} in {int(bad.sum()):,} of {len(bad):,} rows")
    return values


@dataclass(frozen=True)
class TargetCoder:
    """How the labels become what a loss is computed on: a regression's are standardised, others stay as they are.

    Attributes:
        task: what kind of prediction it is.
        outputs: numbers that a network gives out for a row.
        mean: of the training labels, for a regression; else 0.
        scale: their standard deviation, for a regression; else 1.
    """

    task: str
    outputs: int
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def fit(cls, values: npt.NDArray[Any], columns: Columns) -> TargetCoder:
        """Look at the training labels.

        Raises:
            ModelError: there is nothing to tell apart.
        """
        if columns.task == "regression":
            mean, scale = float(values.mean()), float(values.std())
            if not np.isfinite(scale):
                raise _refused(columns, "has values too large to compute a variance of")
            if scale <= np.abs(values).max() * 1e-12:
                raise _refused(columns, f"is the same in all {len(values):,} training rows")
            return cls("regression", 1, mean, scale)
        if len(np.unique(values)) < 2:
            raise _refused(columns, f"has one class only in all {len(values):,} training rows")
        return cls(columns.task, len(columns.classes or ()) if columns.task == "multiclass" else 1)

    def encode(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Float32 for a binary task and a regression, int64 for several classes."""
        if self.task == "multiclass":
            return values
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and the loss says so
            return ((values - self.mean) / self.scale).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], columns: Columns) -> TargetCoder:
        """What :meth:`to_dict` wrote."""
        outputs = len(columns.classes or ()) if columns.task == "multiclass" else 1
        return cls(columns.task, outputs, float(record["mean"]), float(record["scale"]))


def _refused(columns: Columns, what: str) -> ModelError:
    return ModelError(f"the target '{columns.target}' {what}", hint="look at the recipe, and at how rows are split")
