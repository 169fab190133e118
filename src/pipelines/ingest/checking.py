"""Cast and check one table: the same rows in the same order, each with the reasons why it may not enter raw.

The checked table has the schema's columns in the schema's types, and beside them:

``_row``       the row's place in the source, from 0
``_reasons``   list of texts; missing if the row is good
``_original``  the row as the source had it, with every column of it; missing if the row is good
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines.ingest.duplicates import REASONS, ROW, mark_duplicates
from pipelines.ingest.rules import Rule, any_of, rules
from workbench.clients import TableSchema
from workbench.schemas.casting import cast
from workbench.sources import PROBLEM

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["ORIGINAL", "REASONS", "ROW", "check_table", "kept", "quarantined"]

ORIGINAL = "_original"


def check_table(rows: ir.Table, schema: TableSchema) -> ir.Table:
    """Cast and check a table whose columns have been checked.

    Args:
        rows: the source, in its order.
        schema: what the table must look like.
    """
    import ibis

    # The casts stand in a query of their own, so that the rules, which use them again and again, need not repeat them.
    source = {name: _source(position) for position, name in enumerate(rows.columns)}
    cast_rows = rows.select(
        ibis.row_number().name(ROW),
        *(rows[name].name(alias) for name, alias in source.items()),
        *(cast(rows[name], spec).name(name) for name, spec in schema.columns.items()),
    )
    original = ibis.struct({name: cast_rows[alias] for name, alias in source.items() if name != PROBLEM})
    judged = cast_rows.select(
        *schema.columns, ROW, original.name(ORIGINAL), _reasons(cast_rows, schema, source).name(REASONS)
    )
    uniques = [(name,) for name, spec in schema.columns.items() if spec.unique]
    keys = [schema.key] if schema.key and schema.key not in uniques else []
    names = {name for key in (*keys, *uniques) for name in key}
    plain = rows.select(cast(rows[name], schema.columns[name]).name(name) for name in sorted(names)) if names else None
    marked = mark_duplicates(judged, [*keys, *uniques], plain)
    return marked.mutate(**{ORIGINAL: marked[REASONS].notnull().ifelse(marked[ORIGINAL], None)})


def kept(checked: ir.Table) -> ir.Table:
    """The good rows, with the schema's columns."""
    return checked.filter(checked[REASONS].isnull()).drop(ROW, REASONS, ORIGINAL)


def quarantined(checked: ir.Table) -> ir.Table:
    """The bad rows as the source had them, and the reasons."""
    bad = checked.filter(checked[REASONS].notnull())
    original: Any = bad[ORIGINAL]
    return bad.select(*(original[name].name(name) for name in original.names), bad[REASONS])


def _source(position: int) -> str:
    return f"_source_{position}"


def _reasons(rows: ir.Table, schema: TableSchema, source: Mapping[str, str]) -> Any:
    """The reasons against each row as a list; missing if there are none.

    Args:
        rows: cast columns under their names, and the source's columns under others.
        schema: what the table must look like.
        source: column to the name that the source's own has in ``rows``.
    """
    import ibis

    found: list[Rule] = []
    for name, spec in schema.columns.items():
        found += rules(name, spec, rows[source[name]], rows[name])
    texts: Any = ibis.array([broken.ifelse(reason, None) for reason, broken in found])
    # The list is only made where a row is bad: that is where its cost lies.
    reasons = any_of([rule.broken for rule in found]).ifelse(texts.filter(lambda text: text.notnull()), None)
    if PROBLEM not in source:
        return reasons
    # A line that is no row breaks every rule; it is enough to say so once.
    problem = rows[source[PROBLEM]]
    return problem.notnull().ifelse(ibis.array([problem]), reasons)
