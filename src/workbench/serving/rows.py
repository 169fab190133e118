"""Rows of a request, in the order of a model's columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Numbers", "Rows", "Texts"]

Numbers = tuple[float | None, ...]
Texts = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Python values, since arrays cost more than they save for one row; they become an array once a batch.

    Attributes:
        numbers: of each row, the number columns; None is a missing value.
        texts: of each row, the category columns.
    """

    numbers: list[Numbers]
    texts: list[Texts]

    @property
    def num_rows(self) -> int:
        """As Arrow's tables call it: a model asks for it."""
        return len(self.numbers)

    @classmethod
    def together(cls, parts: Iterable[Rows]) -> Rows:
        """One after the other."""
        several = list(parts)
        if len(several) == 1:
            return several[0]
        return cls(
            list(chain.from_iterable(part.numbers for part in several)),
            list(chain.from_iterable(part.texts for part in several)),
        )

    def matrix(self) -> npt.NDArray[np.float64]:
        """The numbers, ``(rows, columns)``; missing ones are NaN."""
        import numpy as np

        width = len(self.numbers[0]) if self.numbers else 0
        # float(None) is an error in Python, and NaN in numpy.
        found: npt.NDArray[Any] = np.array(self.numbers, dtype=np.float64)
        return found.reshape(len(self.numbers), width)
