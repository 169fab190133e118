"""What is asked of rows, wherever they are: in memory, or in a file that is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.target import labels
from workbench.learning.streaming.rows import ParquetRows, TableRows

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from workbench.learning.baselines import Majority
    from workbench.learning.columns import Columns
    from workbench.learning.model import TabularModel

__all__ = ["few_of", "labels_of", "predictions_of", "taken"]


def labels_of(rows: TableRows, columns: Columns) -> npt.NDArray[Any]:
    """The target of every row, see :func:`~workbench.learning.encoding.target.labels`; of a file, only it is read."""
    return labels(rows.table([columns.target]) if isinstance(rows, ParquetRows) else rows, columns)


def taken(rows: TableRows, columns: Columns, places: npt.NDArray[np.int64]) -> pa.Table:
    """Some rows, with features and target."""
    if isinstance(rows, ParquetRows):
        return rows.take(places)
    return rows.select([*columns.features, columns.target]).take(places)


def few_of(rows: ParquetRows, most: int, seed: int) -> pa.Table:
    """At most so many rows, drawn without replacement, in the order of the file."""
    if rows.num_rows <= most:
        return rows.table()
    return rows.take(np.sort(np.random.default_rng(seed).choice(rows.num_rows, most, replace=False)))


def predictions_of(
    models: Mapping[str, TabularModel | Majority], rows: TableRows
) -> dict[str, npt.NDArray[np.float64]]:
    """What each model says of every row; a file is read once for all of them, and only predictions stay in memory."""
    if not isinstance(rows, ParquetRows):
        return {name: model.predict(rows) for name, model in models.items()}
    found: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in models}
    for batch in rows.batches(rows.batch_rows):
        for name, model in models.items():
            found[name].append(model.predict(batch))
    return {name: np.concatenate(parts) for name, parts in found.items()}
