"""From what a network gives out to columns with a meaning; the same in ``score`` and behind an MLflow server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from workbench.learning import Columns

__all__ = ["BATCH_ROWS", "feature_schema", "missing_columns", "prediction_columns"]

BATCH_ROWS = 100_000
"""Rows that are predicted at once where nobody says otherwise."""


def feature_schema(columns: Columns) -> pa.Schema:
    """The columns that a network reads: float64 numbers and string categories, all of which may be missing."""
    import pyarrow as pa

    numbers = [pa.field(name, pa.float64()) for name in columns.numeric]
    return pa.schema([*numbers, *(pa.field(name, pa.string()) for name in columns.categorical)])


def missing_columns(columns: Columns, present: Iterable[str]) -> list[str]:
    """The columns that a network reads and that a table does not have."""
    have = set(present)
    return [name for name in columns.features if name not in have]


def prediction_columns(columns: Columns, output: npt.NDArray[Any]) -> dict[str, pa.Array]:
    """What is told of each row.

    Args:
        columns: the network's columns.
        output: what ``TabularModel.predict`` returned, row by row.

    Returns:
        ``binary``: ``prediction`` (int8, 1 from a probability of one half on) and ``probability`` of 1;
        ``multiclass``: ``prediction`` (the likeliest class) and its ``probability``;
        ``regression``: ``prediction`` (float64).
    """
    import numpy as np
    import pyarrow as pa

    if columns.task == "regression":
        return {"prediction": pa.array(output.astype(np.float64))}
    if columns.task == "binary":
        labels, probability = (output >= 0.5).astype(np.int8), output
    else:
        best = output.argmax(axis=1)
        labels, probability = np.asarray(columns.classes, dtype=object)[best], output.max(axis=1)
    return {"prediction": pa.array(labels), "probability": pa.array(probability.astype(np.float64))}
