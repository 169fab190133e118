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


def mark_duplicates(table: ir.Table, keys: list[tuple[str, ...]], plain: ir.Table | None = None) -> ir.Table:
    """Add a reason to every good row one of whose keys an earlier good row has.

    Args:
        table: rows with ``_row``, their place in the source, and ``_reasons``, missing for good rows.
        keys: each some columns whose values together may stand once only. A missing value equals no other.
        plain: the columns of the keys, of the same rows. All that made the other columns of the table is compiled with
            each query of it, and most tables have nothing but good keys, for which these columns will do.

    Returns:
        The table, in the order of ``_row``. The engine has counted the keys by then: where none stands twice, which is
        the rule, no join and no sorting is left to do.
    """
    import ibis

    plain = table if plain is None else plain
    repeated = {
        key: first for key in keys if _is_repeated(plain, key) and (first := _first_of_repeated(table, key)) is not None
    }
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


def _is_repeated(table: ir.Table, key: tuple[str, ...]) -> bool:
    """Whether a key stands more than once, in good rows or in bad ones."""
    complete = _complete(table, key)
    counted = complete.group_by(*key).aggregate(_rows=complete.count())
    return bool(fetch(counted.filter(counted["_rows"] > 1).select("_rows").limit(1)))


def _first_of_repeated(table: ir.Table, key: tuple[str, ...]) -> ir.Table | None:
    """The keys that stand more than once among the good rows, each with its first row; None if there is none."""
    complete = _complete(table, key)
    good = complete.filter(complete[REASONS].isnull())
    counted = good.group_by(*key).aggregate(**{ROW: good[ROW].min(), "_rows": good.count()})
    first = counted.filter(counted["_rows"] > 1).drop("_rows").cache()
    return first if fetch(first.select(first[ROW]).limit(1)) else None


def _complete(table: ir.Table, key: tuple[str, ...]) -> ir.Table:
    return table.filter(*(table[name].notnull() for name in key))
