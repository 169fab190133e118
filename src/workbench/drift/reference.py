"""A table in counts: what drift needs of it, kept when its rows have gone or have changed.

Of a number these are its percentiles and the rows between them, of a category its values and their rows: no more than
the encoders of a model hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.drift.counting import Counts, Side, percentiles_of, sides_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["MOST_VALUES", "REST", "Reference", "counts_against", "reference_of"]

MOST_VALUES = 10_000
"""Values of a category that are kept by name, the commonest; all others count as :data:`REST`."""

REST = "(rest)"


@dataclass(frozen=True)
class Reference:
    """One column as it was.

    Attributes:
        name: of the column.
        numeric: whether it is a number.
        side: its counts, in the bins that ``percentiles`` bound.
        percentiles: of a number; empty if it had no value. See :class:`workbench.drift.counting.Counts`.
    """

    name: str
    numeric: bool
    side: Side
    percentiles: tuple[float, ...] = ()

    @property
    def edges(self) -> tuple[float, ...]:
        """Ascending, each once."""
        return tuple(sorted(set(self.percentiles)))

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: of a number, the rows up to each edge, and last those above."""
        counts = self.side.counts
        ordered = [counts.get(edge, 0) for edge in (*self.edges, math.inf)] if self.numeric else dict(counts)
        return {**asdict(self), "percentiles": list(self.percentiles), "side": {**asdict(self.side), "counts": ordered}}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Reference:
        """What :meth:`to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        made = cls(record["name"], bool(record["numeric"]), Side(**record["side"]), tuple(record["percentiles"]))
        if not made.numeric:
            return made
        counts = dict(zip((*made.edges, math.inf), made.side.counts, strict=True))
        return replace(made, side=replace(made.side, counts=counts))


def reference_of(table: ir.Table, numeric: Sequence[str], categorical: Sequence[str]) -> list[Reference]:
    """Count a table in bins of its own; the rows stay in the engine."""
    (percentiles,) = percentiles_of([table], numeric)
    edges = {name: sorted(set(percentiles[name])) for name in numeric}
    (sides,) = sides_of([table], edges, categorical)
    numbers = [Reference(name, True, sides[name], tuple(percentiles[name])) for name in numeric]
    return [*numbers, *(Reference(name, False, _commonest(sides[name])) for name in categorical)]


def counts_against(references: Iterable[Reference], now: ir.Table) -> list[Counts]:
    """Count new rows in the bins of a reference.

    Args:
        references: columns of the table.
        now: the new rows.
    """
    kept = list(references)
    edges = {one.name: list(one.edges) for one in kept if one.numeric}
    (sides,) = sides_of([now], edges, [one.name for one in kept if not one.numeric])
    return [
        Counts(one.name, one.numeric, one.side, _as_kept(one, sides[one.name]), one.edges, one.percentiles)
        for one in kept
    ]


def _commonest(side: Side) -> Side:
    if len(side.counts) <= MOST_VALUES:
        return side
    ordered = sorted(side.counts, key=lambda name: (-side.counts[name], name))
    kept = {name: side.counts[name] for name in ordered[:MOST_VALUES]}
    return replace(side, counts=kept | {REST: sum(side.counts[name] for name in ordered[MOST_VALUES:])})


def _as_kept(reference: Reference, now: Side) -> Side:
    """Where not all values are kept by name, one without a name may be an old one: it counts as the rest."""
    known = reference.side.counts
    if reference.numeric or REST not in known:
        return now
    rest = sum(rows for name, rows in now.counts.items() if name not in known)
    return replace(now, counts={name: rows for name, rows in now.counts.items() if name in known} | {REST: rest})
