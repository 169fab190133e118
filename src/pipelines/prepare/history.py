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
    asked: ir.Table, events: ir.Table, *, by: Sequence[str], at: str, of: Sequence[str], within: int | None = None
) -> ir.Table:
    """For each row: the totals of the events of its group before its moment.

    Questions and events are put on one line of time, and a window looks back along it. That is one sort, where a join
    of each row with all the events before it would be a product.

    Args:
        asked: one row a question.
        events: one row an event, or a sum of events.
        by: the columns that make a group, in both tables.
        at: the moment, in both tables: a whole number, such as minutes since 1970.
        of: the columns of `events` to add up. They hold whole numbers, whose sums as float64 are exact below 2**53 and
            so do not depend on the order of the rows.
        within: look back no farther than this; None is back to the first event.

    Returns:
        `asked`, and beside its columns the totals (0 if there was no event).
    """
    import ibis
    from ibis import _

    rest = [column for column in asked.columns if column not in {*by, at}]
    nothing = {column: ibis.null(asked[column].type()) for column in rest}
    questions = asked.select(*by, at, *rest, asks=True, **dict.fromkeys(of, ibis.literal(0.0)))
    happened = events.select(*by, at, **nothing, asks=False, **{name: _[name].cast("float64") for name in of})
    line = questions.union(happened)
    if within is not None:
        # What is too long ago is taken out again, by an event that undoes it.
        line = line.union(happened.mutate(**{at: _[at] + within, **{name: -_[name] for name in of}}))
    # At one moment the questions come first: an event counts strictly after it is known.
    before = ibis.cumulative_window(group_by=by, order_by=[at, ibis.desc("asks")])
    return line.mutate(**{name: _[name].sum().over(before) for name in of}).filter(_.asks).drop("asks")
