"""One pass over training rows that memory does not hold: encoders, labels, and a sample.

Exact: the target, the vocabularies of categories, which columns have gaps or vary, the smallest and the largest of each
number. From the sample: the quantiles between those. Of 65,536 sampled rows, the rank of a sampled median is off by
0.2 % of the rows (its standard deviation, 0.5 / sqrt(n)); the 256 knots of a number are 0.4 % apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding import TableEncoder
from workbench.learning.encoding.arrow import numbers, texts
from workbench.learning.encoding.categorical import CategoricalColumn, Counts
from workbench.learning.encoding.numeric import NumericColumn
from workbench.learning.encoding.target import TargetCoder, labels

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns
    from workbench.learning.streaming.room import Room
    from workbench.learning.streaming.rows import ParquetRows

__all__ = ["MOST_SAMPLED", "Survey", "survey"]

MOST_SAMPLED = 1 << 19
"""Rows of a sample, however much memory there is."""


@dataclass(frozen=True)
class Survey:
    """What a pass over the training rows found.

    Attributes:
        encoder: fitted on them.
        labels: of all rows, as metrics take them.
        sample: some of the rows, drawn without replacement, in the order of the file; all of them, if they are few.
    """

    encoder: TableEncoder
    labels: npt.NDArray[Any]
    sample: pa.Table


def survey(rows: ParquetRows, columns: Columns, room: Room, seed: int) -> Survey:
    """Look at every row once. What was found is kept with the rows: another call with the same arguments reads nothing.

    Raises:
        ModelError: a column or the target is not what it should be.
        DataError: the file is damaged.
    """
    asked = (columns, room.sample, seed)
    if asked not in rows.surveys:
        rows.surveys[asked] = _look(rows, columns, room, seed)
    found: Survey = rows.surveys[asked]
    return found


def _look(rows: ParquetRows, columns: Columns, room: Room, seed: int) -> Survey:
    import pyarrow as pa

    total, size = rows.num_rows, min(rows.num_rows, room.sample, MOST_SAMPLED)
    drawn = np.sort(np.random.default_rng(seed).choice(total, size, replace=False))
    seen, taken, targets = 0, [], []
    extent = {name: _Extent() for name in columns.numeric}
    counts = {name: Counts() for name in columns.categorical}
    for batch in rows.batches(room.batch):
        targets.append(labels(batch, columns))
        for name, known in extent.items():
            known.add(numbers(batch, name))
        for name, count in counts.items():
            count.add(texts(batch, name))
        own = drawn[(drawn >= seen) & (drawn < seen + batch.num_rows)]
        taken.append(batch.take(own - seen))
        seen += batch.num_rows
    sample = pa.concat_tables(taken)
    every = np.concatenate(targets)
    fewest = TableEncoder.fewest(total)
    encoder = TableEncoder.of(
        tuple(extent[name].column(name, numbers(sample, name), total) for name in columns.numeric),
        tuple(CategoricalColumn.of_counts(name, count, fewest=fewest) for name, count in counts.items()),
        TargetCoder.fit(every, columns),
    )
    return Survey(encoder, every, sample)


class _Extent:
    """The smallest and the largest finite value of a column, and whether some are missing."""

    def __init__(self) -> None:
        self.low, self.high, self.gaps = np.inf, -np.inf, False

    def add(self, values: npt.NDArray[np.float64]) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            self.gaps, values = True, values[finite]
        if values.size:
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def column(self, name: str, sampled: npt.NDArray[np.float64], rows: int) -> NumericColumn:
        return NumericColumn.fit(name, sampled).reaching(self.low, self.high, rows, gaps=self.gaps)
