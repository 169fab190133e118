"""Categories: an index for each value that training rows have often enough, one for missing, one for all the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MISSING", "UNSEEN", "CategoricalColumn"]

MISSING, UNSEEN, KNOWN = 0, 1, 2
"""Codes: a missing value, a value that is not in the vocabulary, the vocabulary's first value."""


@dataclass(frozen=True)
class CategoricalColumn:
    """A vocabulary.

    Attributes:
        name: the column.
        values: the vocabulary, in the order of the code points.
        gaps: whether training rows had missing values; else a missing value is as good as an unseen one, since nothing
            was learned of it.
        varies: whether the training rows had two different codes.
    """

    name: str
    values: tuple[str, ...]
    gaps: bool
    varies: bool

    @classmethod
    def fit(cls, name: str, values: pa.Array, *, fewest: int, most: int | None = None) -> CategoricalColumn:
        """Learn a vocabulary from training values.

        Args:
            name: the column.
            values: strings and nulls.
            fewest: rows that a value must have; rarer ones are "unseen", and teach what to do with those.
            most: size of the vocabulary; the commonest values are kept, of equally common ones the first by name.
        """
        import pyarrow.compute as pc

        counts = pc.value_counts(values.drop_null())
        pairs = zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True)
        ranked = sorted(((-count, value) for count, value in pairs if count >= fewest))[:most]
        known = tuple(sorted(value for _, value in ranked))
        rare = len(counts) > len(known)
        gaps = values.null_count > 0
        return cls(name, known, gaps, varies=len(known) + rare + gaps > 1)

    @property
    def cardinality(self) -> int:
        """Number of codes."""
        return KNOWN + len(self.values)

    def transform(self, values: pa.Array) -> npt.NDArray[np.int32]:
        """Codes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        known = pc.index_in(values, value_set=pa.array(self.values, pa.string()))
        place: npt.NDArray[np.int32] = pc.fill_null(known, UNSEEN - KNOWN).to_numpy(zero_copy_only=False)
        codes = place + np.int32(KNOWN)
        if self.gaps and values.null_count:
            codes[values.is_null().to_numpy(zero_copy_only=False)] = MISSING
        return codes

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> CategoricalColumn:
        """What :meth:`to_dict` wrote."""
        values = tuple(str(value) for value in record["values"])
        return cls(str(record["name"]), values, bool(record["gaps"]), bool(record["varies"]))
