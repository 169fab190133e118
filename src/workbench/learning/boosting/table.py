"""What boosted trees see of a table: numbers as they are, categories by their place in a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.arrow import numbers, texts
from workbench.learning.encoding.categorical import KNOWN, CategoricalColumn

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["TreeColumns"]

MOST_CATEGORIES = 250
"""scikit-learn takes 255 values of a category; the commonest are kept, the others count as missing."""


@dataclass(frozen=True)
class TreeColumns:
    """The columns of a matrix, categories first: scikit-learn puts them there, and so its trees count from there.

    Attributes:
        categorical: vocabularies of the category columns with a value in some training row.
        numeric: the number columns with a value in some training row.
    """

    categorical: tuple[CategoricalColumn, ...]
    numeric: tuple[str, ...]

    @classmethod
    def fit(cls, train: pa.Table, columns: Columns) -> TreeColumns:
        """Learn the vocabularies from training rows."""
        vocabularies = (
            CategoricalColumn.fit(name, texts(train, name), fewest=1, most=MOST_CATEGORIES)
            for name in columns.categorical
        )
        # scikit-learn 1.9 fails at a column of nothing but NaN.
        return cls(
            tuple(column for column in vocabularies if column.values),
            tuple(name for name in columns.numeric if np.isfinite(numbers(train, name)).any()),
        )

    def __len__(self) -> int:
        return len(self.categorical) + len(self.numeric)

    def matrix(self, table: pa.Table) -> npt.NDArray[np.float64]:
        """``(rows, columns)``; missing and unseen values are NaN.

        Raises:
            ModelError: a column is missing or of the wrong type.
        """
        matrix = np.empty((table.num_rows, len(self)))
        for place, category in enumerate(self.categorical):
            codes = category.transform(texts(table, category.name)) - KNOWN
            matrix[:, place] = np.where(codes >= 0, codes, np.nan)
        for place, name in enumerate(self.numeric, start=len(self.categorical)):
            values = numbers(table, name)
            matrix[:, place] = np.where(np.isfinite(values), values, np.nan)
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"categorical": [column.to_dict() for column in self.categorical], "numeric": list(self.numeric)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TreeColumns:
        """What :meth:`to_dict` wrote."""
        vocabularies = tuple(CategoricalColumn.from_dict(item) for item in record["categorical"])
        return cls(vocabularies, tuple(str(name) for name in record["numeric"]))
