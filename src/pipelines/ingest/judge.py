"""pandera has the last word: what enters raw passes a pandera schema that says the same as ours.

The quarantine decides row by row; pandera decides over the table, with checks of its own. Two readings of one schema,
which have to agree on every run.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelines.ingest.rules import full_match, holds_nul
from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.engines import connection
from workbench.errors import DataError
from workbench.schemas.casting import ibis_type
from workbench.schemas.wide import COLUMNS_AT_ONCE, parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["judge", "pandera_schema"]


def judge(kept: ir.Table, schema: TableSchema, client: str, table: str) -> None:
    """Validate a table that has rows (of none, pandera refuses everything); every check is a query of the engine.

    A query costs the more to plan, the more columns its table has. So a wide one is judged twice: whole, for its names,
    types and key, and by parts, which are views of their own, for what the columns hold.

    Raises:
        DataError: pandera refuses it. The message names columns and checks, and no values.
    """
    from workbench.schemas.pandera import pandera

    found: list[str] = []
    for rows, part, with_checks in _pieces(kept, schema):
        try:
            pandera_schema(part, with_checks=with_checks).validate(rows, lazy=True)
        except pandera.errors.SchemaErrors as error:
            found += [f"{case.schema.name or table}: {_name(case.check)}" for case in error.schema_errors]
            if not with_checks:
                break  # its parts are not what their schemas speak of
    if found:
        raise DataError(
            f"pandera refuses what the quarantine let pass: {'; '.join(found[:10])}",
            where=f"client {client}, table {table}",
            hint="raw was left as it was; this is a fault in pipelines/ingest, please report it with the schema",
        )


def _pieces(kept: ir.Table, schema: TableSchema) -> Iterator[tuple[ir.Table, TableSchema, bool]]:
    """What is judged on its own: rows, their schema, and whether what the columns hold is looked at."""
    if len(schema.columns) <= COLUMNS_AT_ONCE:
        yield kept, schema, True
        return
    yield kept, schema, False
    for names in parts(list(schema.columns)):
        columns = {name: schema.columns[name] for name in names}
        with _view(kept.select(*names)) as rows:
            yield rows, schema.model_copy(update={"columns": columns, "key": ()}), True


@contextmanager
def _view(rows: ir.Table) -> Iterator[ir.Table]:
    """The same rows under a name of the engine's, so that Ibis does not plan where they come from again and again."""
    name = f"judged_{uuid.uuid4().hex}"
    try:
        yield connection().create_view(name, rows)
    finally:
        connection().drop_view(name, force=True)


def pandera_schema(schema: TableSchema, *, with_checks: bool = True) -> Any:
    """Our schema of a table as a ``pandera.ibis.DataFrameSchema``; without checks: names, order, types and key."""
    from workbench.schemas.pandera import pandera

    columns = {
        name: pandera.Column(
            ibis_type(spec), checks=_checks(spec) if with_checks else [], nullable=spec.nullable or not with_checks
        )
        for name, spec in schema.columns.items()
    }
    return pandera.DataFrameSchema(columns, strict=True, ordered=True, unique=list(schema.key) or None)


def _checks(spec: ColumnSchema) -> list[Any]:
    """Each check is a query, so none stands here that another one implies."""
    from workbench.schemas.pandera import pandera

    check = pandera.Check
    low, high = spec.bound("min"), spec.bound("max")
    checks = []
    if low is not None and high is not None:
        checks.append(check.in_range(low, high))
    elif low is not None:
        checks.append(check.ge(low))
    elif high is not None:
        checks.append(check.le(high))
    if spec.isin is not None:
        checks.append(check.isin(list(spec.isin)))
    if spec.pattern is not None:
        checks.append(check.str_matches(full_match(spec.pattern)))
    if spec.unique:
        # pandera's own `unique` does nothing for a column of an Ibis table, and counts missing values as equal.
        checks.append(check(_stands_once, name="unique"))
    if spec.type == "string" and spec.isin is None:
        checks.append(check(lambda data: ~holds_nul(data.table[data.key]), name="no NUL byte"))
    if spec.type == "float64" and (low is None or high is None):
        checks.append(check(lambda data: ~data.table[data.key].isinf(), name="finite"))
    return checks


def _stands_once(data: Any) -> Any:
    column = data.table[data.key]
    return column.count() == column.nunique()  # neither counts missing values


def _name(check: Any) -> str:
    return str(getattr(check, "name", None) or check)
