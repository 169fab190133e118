"""What every model has to be better than: the plainest guess."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.learning.streaming.reading import labels_of

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns
    from workbench.learning.streaming import TableRows

__all__ = ["Majority", "majority"]


@dataclass(frozen=True)
class Majority:
    """Says the same of every row.

    Attributes:
        task: binary, multiclass or regression.
        guess: the share of 1, the share of each class, or the mean, among the training rows.
    """

    task: str
    guess: npt.NDArray[np.float64]

    def predict(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """As :meth:`workbench.learning.TabularModel.predict`."""
        return np.repeat(self.guess, table.num_rows, axis=0) if self.task == "multiclass" else np.full(
            table.num_rows, self.guess[0]
        )  # fmt: skip


def majority(train: TableRows, columns: Columns) -> Majority:
    """Learn the guess from the training rows, wherever they are."""
    y = labels_of(train, columns)
    if columns.task == "multiclass":
        return Majority(columns.task, (np.bincount(y, minlength=len(columns.classes or ())) / len(y))[None, :])
    return Majority(columns.task, np.array([y.mean()]))
