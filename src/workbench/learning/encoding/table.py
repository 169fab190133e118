"""All columns of a table at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError
from workbench.learning.encoding.arrow import numbers, texts
from workbench.learning.encoding.categorical import CategoricalColumn
from workbench.learning.encoding.numeric import NumericColumn
from workbench.learning.encoding.target import TargetCoder, labels

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["Encoded", "Inputs", "TableEncoder"]


@dataclass(frozen=True)
class Inputs:
    """What a network has to know of an encoder.

    Attributes:
        edges: of each number, the scores of its knots: where a piecewise-linear embedding may bend.
        flags: number of missing flags.
        cardinalities: of each category, the number of its codes.
        outputs: numbers to give out for a row.
    """

    edges: tuple[tuple[float, ...], ...]
    flags: int
    cardinalities: tuple[int, ...]
    outputs: int

    @property
    def columns(self) -> int:
        """Numbers and categories, each of which a network makes a vector of."""
        return len(self.edges) + len(self.cardinalities)


@dataclass(frozen=True)
class Encoded:
    """A table as matrices, a row each: float32 scores, float32 flags of 0 and 1, int32 codes."""

    numeric: npt.NDArray[np.float32]
    flags: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]


@dataclass(frozen=True)
class TableEncoder:
    """The fitted columns; one that did not vary among the training rows must still be there, but is not handed on."""

    numeric: tuple[NumericColumn, ...]
    categorical: tuple[CategoricalColumn, ...]
    target: TargetCoder

    @classmethod
    def fit(cls, train: pa.Table, columns: Columns) -> TableEncoder:
        """Learn from the training rows.

        Raises:
            ModelError: a column is missing or of the wrong type, the target has one value only, or no feature varies.
        """
        if not train.num_rows:
            raise ModelError("there is no training row", hint="look at the split in client.yml, and at the recipe")
        target = TargetCoder.fit(labels(train, columns), columns)
        fewest = cls.fewest(train.num_rows)
        return cls.of(
            tuple(NumericColumn.fit(name, numbers(train, name)) for name in columns.numeric),
            tuple(CategoricalColumn.fit(name, texts(train, name), fewest=fewest) for name in columns.categorical),
            target,
        )

    @classmethod
    def of(
        cls, numeric: tuple[NumericColumn, ...], categorical: tuple[CategoricalColumn, ...], target: TargetCoder
    ) -> TableEncoder:
        """Of fitted columns.

        Raises:
            ModelError: no feature varies.
        """
        encoder = cls(numeric, categorical, target)
        inputs = encoder.inputs
        if not (inputs.edges or inputs.flags or inputs.cardinalities):
            raise ModelError(
                f"none of the {len(numeric) + len(categorical)} features varies among the training rows",
                hint="look at the recipe: is a join without matches?",
            )
        return encoder

    @staticmethod
    def fewest(rows: int) -> int:
        """Training rows that a category's value must have, to be told from unseen ones."""
        return min(max(rows // 1000, 2), 10)

    @property
    def inputs(self) -> Inputs:
        """What a network has to know."""
        return Inputs(
            edges=tuple(column.scores for column in self.numeric if column.varies),
            flags=sum(column.flagged for column in self.numeric),
            cardinalities=tuple(column.cardinality for column in self.categorical if column.varies),
            outputs=self.target.outputs,
        )

    def features(self, table: pa.Table) -> Encoded:
        """The features of a table.

        Raises:
            ModelError: a column is missing or of the wrong type.
        """
        scores, flags = [], []
        for number in self.numeric:
            values = numbers(table, number.name)
            if number.varies:
                scores.append(number.transform(values))
            if number.flagged:
                flags.append((~np.isfinite(values)).astype(np.float32))
        codes = [(category, texts(table, category.name)) for category in self.categorical]
        return Encoded(
            _matrix(scores, table.num_rows, np.float32),
            _matrix(flags, table.num_rows, np.float32),
            _matrix(
                [category.transform(text) for category, text in codes if category.varies], table.num_rows, np.int32
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "numeric": [column.to_dict() for column in self.numeric],
            "categorical": [column.to_dict() for column in self.categorical],
            "target": self.target.to_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], columns: Columns) -> TableEncoder:
        """What :meth:`to_dict` wrote."""
        return cls(
            tuple(NumericColumn.from_dict(item) for item in record["numeric"]),
            tuple(CategoricalColumn.from_dict(item) for item in record["categorical"]),
            TargetCoder.from_dict(record["target"], columns),
        )


def _matrix(columns: list[npt.NDArray[Any]], rows: int, kind: type[np.generic]) -> npt.NDArray[Any]:
    """Columns side by side, each row's values next to one another; also when there are none."""
    matrix = np.empty((rows, len(columns)), dtype=kind)
    for place, values in enumerate(columns):
        matrix[:, place] = values
    return matrix
