"""Boosted trees as arrays, and what they say of a matrix.

Lucchese, Nardini, Orlando, Perego, Tonellotto, Venturini: "QuickScorer: a fast algorithm to rank documents with
additive ensembles of regression trees", SIGIR 2015. The leaves of a tree are the bits of a word, the leftmost one the
lowest. A test that fails rules out all leaves left of it, so the leaf that a row ends in is the lowest bit which none
of the failed tests has cleared, in whatever order they are looked at. Here all tests of a tree on one column are one
table, from the column's code to a word: nothing branches, and numpy walks thousands of rows at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_LEAVES", "Trees"]

CHUNK_ROWS = 4096
"""Rows that are walked at once; a column of their codes fits a core's own cache."""

MOST_LEAVES = 64
"""Leaves of a tree: the bits of a word."""

BITSET = 256
"""Categories that a test can tell apart."""


@dataclass(frozen=True)
class Trees:
    """Trees in the order in which they were grown; all of one round stand together, one an output.

    A leaf has itself for its ``left`` and ``right``.

    Attributes:
        starts: the first node of each tree, and the number of nodes, ``(trees + 1,)``.
        left: the child if the test holds, ``(nodes,)``; counted from the tree's first node, as is ``right``. A child
            stands after its parent.
        right: the child if it does not.
        column: of the matrix, what is tested.
        bound: a number goes left up to it; finite; unused for a category.
        group: of a category, which row of ``groups`` goes left; -1 for a number.
        missing_left: 1 if a missing value goes left.
        value: of a leaf, what is added.
        groups: categories that go left, as 0 and 1, ``(tests, 256)``.
    """

    starts: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    bound: npt.NDArray[np.float64]
    group: npt.NDArray[np.int64]
    missing_left: npt.NDArray[np.uint8]
    value: npt.NDArray[np.float64]
    groups: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """By name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], columns: int) -> Trees:
        """What :meth:`to_arrays` gave, checked: a walk stays inside its tree and comes to an end.

        Raises:
            ValueError: it would not.
        """
        if set(arrays) != {item.name for item in fields(cls)}:
            raise ValueError("these are not the arrays of trees")
        trees = cls(**arrays)
        trees._check(columns)
        return trees

    def predict(self, matrix: npt.NDArray[np.float64], start: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum of what all trees say, ``(rows, outputs)``.

        Args:
            matrix: ``(rows, columns)``, categories as whole numbers from 0, missing values as NaN.
            start: what is added to, ``(outputs,)``.
        """
        total = np.tile(start, (len(matrix), 1))
        for begin in range(0, len(matrix), CHUNK_ROWS):
            rows = slice(begin, begin + CHUNK_ROWS)
            self._add(matrix[rows], total[rows])
        return total

    def _add(self, matrix: npt.NDArray[np.float64], total: npt.NDArray[np.float64]) -> None:
        codes = {column: self.codes(column, matrix[:, column]) for column in self.cuts}
        found = np.empty(len(matrix), dtype=np.uint64)
        for number, (words, leaves) in enumerate(self.words):
            alive = np.full(len(matrix), np.iinfo(np.uint64).max)
            for column, word in words.items():
                # "clip" spares numpy a copy; every code has its place in the table.
                np.take(word, codes[column], out=found, mode="clip")
                alive &= found
            lowest = alive & (~alive + np.uint64(1))
            # A power of two is exact as a float, and its exponent is the place of the bit.
            total[:, number % total.shape[1]] += leaves[np.frexp(lowest.astype(np.float64))[1] - 1]

    @cached_property
    def cuts(self) -> dict[int, npt.NDArray[np.float64]]:
        """Of each tested column, the bounds of all trees, rising; of a category, its codes but the last."""
        tested = self.left != np.arange(len(self.left)) - np.repeat(self.starts[:-1], np.diff(self.starts))
        cuts = {}
        for column in np.unique(self.column[tested]).tolist():
            mine = tested & (self.column == column)
            category = (self.group[mine] >= 0).any()
            cuts[column] = np.arange(BITSET - 1.0) if category else np.unique(self.bound[mine])
        return cuts

    def codes(self, column: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """How many cuts are below each value; one more than there can be if it is missing."""
        cuts = self.cuts[column]
        return np.where(np.isnan(values), len(cuts) + 1, np.searchsorted(cuts, values))

    @cached_property
    def words(self) -> list[tuple[dict[int, npt.NDArray[np.uint64]], npt.NDArray[np.float64]]]:
        """Of each tree: from a column's code to the leaves that its tests leave, and the values of the leaves."""
        return [
            self._tree_words(*pair) for pair in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        ]

    def _tree_words(self, start: int, end: int) -> tuple[dict[int, npt.NDArray[np.uint64]], npt.NDArray[np.float64]]:
        left, right = self.left[start:end].tolist(), self.right[start:end].tolist()
        words: dict[int, npt.NDArray[np.uint64]] = {}
        leaves: list[float] = []

        def walk(node: int) -> int:
            """Number the leaves below a node from left to right, and note its test; the leaves as bits."""
            if left[node] == node:
                leaves.append(float(self.value[start + node]))
                return 1 << (len(leaves) - 1)
            ruled_out = walk(left[node])
            below = ruled_out | walk(right[node])
            column, fails = int(self.column[start + node]), self._fails(start + node)
            word = words.setdefault(column, np.full(len(fails), np.iinfo(np.uint64).max))
            word[fails] &= np.uint64(~ruled_out & (2**64 - 1))
            return below

        walk(0)
        return words, np.array(leaves)

    def _fails(self, node: int) -> npt.NDArray[np.bool_]:
        """Whether a node's test fails, for each code of its column."""
        cuts = self.cuts[int(self.column[node])]
        if self.group[node] >= 0:
            holds = self.groups[self.group[node]].astype(bool)
        else:
            holds = np.append(cuts <= self.bound[node], False)
        return ~np.append(holds, bool(self.missing_left[node]))

    def _check(self, columns: int) -> None:
        for item in fields(self):
            if getattr(self, item.name).dtype != _DTYPES.get(item.name, np.int64):
                raise ValueError(f"'{item.name}' has another type")
        counts, nodes = np.diff(self.starts), len(self.left)
        sound = len(counts) > 0 and self.starts[0] == 0 and self.starts[-1] == nodes and (counts > 0).all()
        if not sound or any(getattr(self, item.name).shape != (nodes,) for item in fields(self)[1:8]):
            raise ValueError("the trees' arrays do not fit each other")
        first = np.repeat(self.starts[:-1], counts)
        own, size = np.arange(nodes) - first, np.repeat(counts, counts)
        leaf = self.left == own
        onward = np.where(leaf, self.right == own, (self.left > own) & (self.right > own))
        inside = onward & (self.left < size) & (self.right < size)
        tested = (self.column >= 0) & (self.column < columns) & (self.group >= -1) & (self.group < len(self.groups))
        if not (inside & tested).all() or self.groups.shape[1:] != (BITSET,):
            raise ValueError("a tree's node leads nowhere")
        # Each node but the first has one parent; with two, a walk could take for ever.
        children = np.sort(np.concatenate([(self.left + first)[~leaf], (self.right + first)[~leaf]]))
        if not np.array_equal(children, np.delete(np.arange(nodes), self.starts[:-1])):
            raise ValueError("a tree's nodes do not make a tree")
        if counts.max() > 2 * MOST_LEAVES - 1:
            raise ValueError(f"a tree has more than {MOST_LEAVES} leaves")


_DTYPES = {"bound": np.float64, "value": np.float64, "missing_left": np.uint8, "groups": np.uint8}
