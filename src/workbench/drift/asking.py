"""The same aggregates of several tables, by one query: what it costs to compile is paid once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.engines import fetch

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["ask"]

TABLE = "table"
"""The column that tells which table a row is of; no other may be called so."""


def ask(tables: Sequence[ir.Table], measures: Callable[[ir.Table], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Aggregate each table by itself; a row may be in several.

    Args:
        tables: of the same columns and types.
        measures: from a table with those columns to the aggregates that are asked for.

    Returns:
        A row of aggregates a table. Of several, one without rows has None for each of them, counts too.
    """
    import ibis

    if len(tables) == 1:
        return fetch(tables[0].aggregate(**measures(tables[0])))
    stacked = ibis.union(*(table.mutate(**{TABLE: ibis.literal(i)}) for i, table in enumerate(tables)))
    asked = measures(stacked)
    found = {row[TABLE]: row for row in fetch(stacked.group_by(TABLE).aggregate(**asked))}
    return [found.get(i, dict.fromkeys(asked)) for i in range(len(tables))]
