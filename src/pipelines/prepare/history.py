"""What had happened by a moment, as totals that run through time.

An event counts from the moment at which it was *known*: a delay from the arrival on, not from the departure. Whatever a
row asks of the past is asked with a strict ``<`` in an ASOF join, so a row never sees itself, nor what became known in
the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["running_totals"]


def running_totals(events: ir.Table, by: Sequence[str], of: Sequence[str]) -> ir.Table:
    """The totals of each group, up to and including each moment at which something became known in it.

    Args:
        events: one row an event; its column ``known`` says since when it is known.
        by: the columns that make a group.
        of: the columns to add up. They hold whole numbers: their sums do not depend on the order of the rows.

    Returns:
        ``by``, ``known``, and the totals under the names of ``of``.
    """
    import ibis

    at_once = events.group_by(*by, "known").aggregate(**{name: events[name].sum() for name in of})
    so_far = ibis.window(group_by=by, order_by="known", rows=(None, 0))
    return at_once.mutate(**{name: at_once[name].sum().over(so_far) for name in of})
