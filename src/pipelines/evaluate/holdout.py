"""The held-out predictions as arrays, and what is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError
from workbench.learning import Columns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["MODELS", "Holdout"]

MODELS = ("ensemble", "network", "boosting", "linear", "majority")
"""Columns that may hold a model's predictions; those that are there are evaluated."""


@dataclass(frozen=True)
class Holdout:
    """Test rows.

    Attributes:
        task: binary, multiclass or regression.
        labels: the target as metrics take it.
        predictions: of each model, the candidate first.
        table: the other columns.
    """

    task: str
    labels: npt.NDArray[Any]
    predictions: Mapping[str, npt.NDArray[np.float64]]
    table: pa.Table

    @classmethod
    def of(cls, table: pa.Table, roles: Mapping[str, Any], candidate: str) -> Holdout:
        """From the table that ``predict_holdout`` made.

        Args:
            table: it.
            roles: ``feature_roles``.
            candidate: the column of the model that goes on.

        Raises:
            DataError: it has no row, or lacks a column.
        """
        from workbench.learning.encoding.target import labels

        missing = [name for name in ("label", candidate, "majority") if name not in table.column_names]
        if missing or not table.num_rows:
            raise DataError(
                f"column '{missing[0]}' is missing" if missing else "there is no row",
                where="table holdout_predictions",
                hint="make it again: `kedro run --pipeline train`",
            )
        columns = Columns.from_dict({**roles, "target": "label", "numeric": [candidate], "categorical": []})
        models = dict.fromkeys([candidate, *(name for name in MODELS if name in table.column_names)])
        return cls(columns.task, labels(table, columns), {name: _array(table[name]) for name in models}, table)

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.labels)

    def facts(self, classes: list[str] | None) -> dict[str, Any]:
        """What the labels are like, for JSON."""
        if self.task == "binary":
            return {"positive_rate": float(self.labels.mean())}
        if self.task == "multiclass":
            return {"class_rates": {name: float((self.labels == at).mean()) for at, name in enumerate(classes or [])}}
        return {"target_mean": float(self.labels.mean()), "target_std": float(self.labels.std())}


def _array(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Values as ``(rows,)``; lists of one length as ``(rows, length)``."""
    import numpy as np
    import pyarrow as pa

    if not pa.types.is_nested(column.type):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    flat = np.concatenate([chunk.flatten().to_numpy() for chunk in column.chunks])
    return flat.reshape(len(column), -1)
