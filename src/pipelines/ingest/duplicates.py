"""Of several rows with one key, the first good one stays, in the order of the source; the others go to quarantine.

Only rows that pass every other rule compete: a bad row must not push out the good one that repeats its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.ingest.rules import any_of, duplicate_reason
from workbench.engines import fetch

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["REASONS", "ROW", "mark_duplicates"]

ROW = "_row"
REASONS = "_reasons"


def mark_duplicates(table: ir.Table, keys: list[tuple[str, ...]]) -> ir.Table:
    """Add a reason to every good row one of whose keys an earlier good row has.

    Args:
        table: rows with ``_row``, their place in the source, and ``_reasons``, missing for good rows.
        keys: each some columns whose values together may stand once only. A missing value equals no other.

    Returns:
        The table, in the order of ``_row``. The engine has counted the keys by then: where none stands twice, which is
        the rule, no join and no sorting is left to do.
    """
    import ibis

    repeated = {key: first for key in keys if (first := _first_of_repeated(table, key)) is not None}
    if not repeated:
        return table
    marked, found = table, {}
    for position, (key, first) in enumerate(repeated.items()):
        mine = {f"_{position}_{name}": name for name in first.columns}
        marked = marked.left_join(first.rename(mine), [(name, f"_{position}_{name}") for name in key])
        found[key] = f"_{position}_{ROW}"
    again: list[Any] = [marked[ROW] > marked[first] for first in found.values()]
    texts: Any = ibis.array([mask.ifelse(duplicate_reason(key), None) for key, mask in zip(found, again, strict=True)])
    duplicate = marked[REASONS].isnull() & any_of(again)
    reasons = duplicate.ifelse(texts.filter(lambda text: text.notnull()), marked[REASONS])
    return marked.mutate(**{REASONS: reasons}).select(table.columns).order_by(ROW)


def _first_of_repeated(table: ir.Table, key: tuple[str, ...]) -> ir.Table | None:
    """The keys that stand more than once among the good rows, each with its first row; None if there is none."""
    complete = table.filter(*(table[name].notnull() for name in key))
    # Over all rows first: that needs no column but the key, and is the end of it where the key is one.
    if _is_empty(_repeated(complete, key)):
        return None
    first = _repeated(complete.filter(complete[REASONS].isnull()), key).cache()
    return None if _is_empty(first) else first


def _repeated(table: ir.Table, key: tuple[str, ...]) -> ir.Table:
    counted = table.group_by(*key).aggregate(**{ROW: table[ROW].min(), "_rows": table.count()})
    return counted.filter(counted["_rows"] > 1).drop("_rows")


def _is_empty(table: ir.Table) -> bool:
    return not fetch(table.select(table[ROW]).limit(1))
