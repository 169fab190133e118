"""What had happened by a moment: totals over events that were known before it, and over nothing else.

An event counts from the moment at which it was *known*: a delay from the arrival on, not from the departure. A row asks
for what became known strictly before its own moment, so it never sees itself, nor what becomes known together with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["totals_before"]


def totals_before(
    asked: ir.Table, *events: ir.Table, by: Sequence[str], at: str, of: Sequence[str], within: int | None = None
) -> ir.Table:
    """For each group and moment that is asked for: the totals of the group's events before that moment.

    Questions and events are put on one line of time, a row a moment, and a window looks back along it. That is one
    sort, where a join of each question with all the events before it would be a product. Rows that ask for the same
    moment are asked once, and no column is carried through the sort that it does not need.

    Args:
        asked: has the columns `by` and `at`; rows may repeat.
        *events: one row an event, or a sum of events.
        by: the columns that make a group, in all tables. A group whose name is null has no past.
        at: the moment, in all tables: a whole number, such as minutes since 1970.
        of: the columns of the events to add up; one that a table of events lacks is 0 there. They hold whole numbers,
            whose sums as float64 are exact below 2**53 and so do not depend on the order of the rows.
        within: look back no farther than this, itself included; None is back to the first event.

    Returns:
        One row a group and moment asked for: `by`, `at`, and the totals `of` (0 if there was no event).
    """
    import ibis
    from ibis import _

    nothing = ibis.literal(0.0)
    line = asked.select(*by, at, asks=True, **dict.fromkeys(of, nothing)).union(
        *(
            event.select(
                *by,
                at,
                asks=False,
                **{name: event[name].cast("float64") if name in event.columns else nothing for name in of},
            )
            for event in events
        )
    )
    line = line.group_by([*by, at]).aggregate(asks=_.asks.any(), **{name: _[name].sum() for name in of})
    # The row before is the moment before: an event counts strictly after it is known.
    if within is None:
        before = ibis.rows_window(preceding=(None, 1), group_by=by, order_by=at)
    else:
        before = ibis.range_window(preceding=(within, 1), group_by=by, order_by=at)
    totals = {name: _[name].sum().over(before).fill_null(0.0) for name in of}
    return line.select(*by, at, "asks", **totals).filter(_.asks).drop("asks")
