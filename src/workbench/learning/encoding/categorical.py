"""Categories: an index for each value that training rows have often enough, one for missing, one for all the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MISSING", "UNSEEN", "CategoricalColumn", "Counts"]

MISSING, UNSEEN, KNOWN = 0, 1, 2
"""Codes: a missing value, a value that is not in the vocabulary, the vocabulary's first value."""


class Counts:
    """How often each value of a column was seen, in as many batches as there are."""

    def __init__(self) -> None:
        self.missing = 0
        self._parts: list[pa.Table] = []
        self._merged = 0

    def add(self, values: pa.Array) -> None:
        """Strings and nulls."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self.missing += values.null_count
        found = pc.value_counts(values.drop_null())
        self._parts.append(pa.table({"values": found.field("values"), "counts": found.field("counts")}))
        # Merged when there is twice as much: a column of different texts is sorted out few times, and held once.
        if sum(len(part) for part in self._parts) > max(2 * self._merged, 1 << 16):
            self._merge()

    def pairs(self) -> list[tuple[int, str]]:
        """Counts and values."""
        if not self._parts:
            return []
        self._merge()
        (table,) = self._parts
        return list(zip(table["counts"].to_pylist(), table["values"].to_pylist(), strict=True))

    def _merge(self) -> None:
        import pyarrow as pa

        if len(self._parts) > 1:
            summed = pa.concat_tables(self._parts).group_by("values").aggregate([("counts", "sum")])
            self._parts = [summed.select(["values", "counts_sum"]).rename_columns(["values", "counts"])]
        self._merged = len(self._parts[0])


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
        counts = Counts()
        counts.add(values)
        return cls.of_counts(name, counts, fewest=fewest, most=most)

    @classmethod
    def of_counts(cls, name: str, counts: Counts, *, fewest: int, most: int | None = None) -> CategoricalColumn:
        """The same, from values that were counted."""
        pairs = counts.pairs()
        ranked = sorted(((-count, value) for count, value in pairs if count >= fewest))[:most]
        known = tuple(sorted(value for _, value in ranked))
        rare = len(pairs) > len(known)
        gaps = counts.missing > 0
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
