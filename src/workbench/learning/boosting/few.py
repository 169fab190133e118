"""Boosted trees for few rows at once: all trees in one step a column.

``Trees`` walks one tree after the other, which is best where there are thousands of rows. For one row it is mostly the
cost of calling numpy, trees times columns often. Here the tables of all trees are one table a column, from the column's
code to a word of each tree, so that a row costs as many calls as there are columns. The words are the same, and the
leaves are added in the same order, so the sums are the same to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from workbench.learning.boosting.trees import Trees

__all__ = ["FewRows"]

MOST_ROWS = 256
"""Rows from which on one tree after the other is quicker."""

LARGEST = 256 * 2**20
"""Bytes of the tables; trees with more are walked as ever."""


class FewRows:
    """In place of ``Trees``, for ``predict`` and ``len``."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        count = len(trees)
        size = sum(8 * count * (len(cuts) + 2) for cuts in trees.cuts.values())
        self._fits = size <= LARGEST
        self._tables: dict[int, npt.NDArray[np.uint64]] = {}
        self._leaves = np.zeros((count, 64))
        self._every = np.arange(count)
        if not self._fits:
            return
        everything = np.iinfo(np.uint64).max
        self._tables = {
            column: np.full((len(cuts) + 2, count), everything, dtype=np.uint64) for column, cuts in trees.cuts.items()
        }
        for number, (words, leaves) in enumerate(trees.words):
            self._leaves[number, : len(leaves)] = leaves
            for column, word in words.items():
                self._tables[column][: len(word), number] = word

    def __len__(self) -> int:
        return len(self._trees)

    def predict(self, matrix: npt.NDArray[np.float64], start: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """As ``Trees.predict``."""
        if not self._fits or len(matrix) > MOST_ROWS:
            return self._trees.predict(matrix, start)
        alive = np.full((len(matrix), len(self)), np.iinfo(np.uint64).max)
        for column, table in self._tables.items():
            alive &= table[self._trees.codes(column, matrix[:, column])]
        lowest = alive & (~alive + np.uint64(1))
        found = self._leaves[self._every, np.frexp(lowest.astype(np.float64))[1] - 1]
        outputs = len(start)
        rounds = found.reshape(len(matrix), -1, outputs)
        # A cumulative sum adds one after the other, as Trees does; numpy's sum adds in pairs.
        steps = np.concatenate([np.broadcast_to(start, (len(matrix), 1, outputs)), rounds], axis=1)
        return np.asarray(steps.cumsum(axis=1)[:, -1])
