"""pandera has the last word: what enters raw passes a pandera schema that says the same as ours.

The quarantine decides row by row; pandera decides over the table, with checks of its own. Two readings of one schema,
which have to agree on every run. Since they do, most checks are asked together; only a table that fails is asked check
by check, for the names of those that failed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pipelines.ingest.rules import any_of, full_match, holds_nul
from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.engines import connection
from workbench.errors import DataError
from workbench.schemas.casting import ibis_type
from workbench.schemas.wide import COLUMNS_AT_ONCE, parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["judge", "pandera_schema"]

Checks = Literal["each", "together", "none"]


def judge(kept: ir.Table, schema: TableSchema, client: str, table: str) -> None:
    """Validate a table that has rows (of none, pandera refuses everything).

    A query costs the more to plan, the more columns its table has. So a wide one is judged twice: whole, for its names,
    types and key, and by parts, which are views of their own, for what the columns hold.

    Raises:
        DataError: pandera refuses it. The message names columns and checks, and no values.
    """
    found: list[str] = []
    for rows, part, with_checks in _pieces(kept, schema):
        found += _complaints(rows, part, table, "together" if with_checks else "none")
        if found and not with_checks:
            break  # its parts are not what their schemas speak of
    if found:
        raise DataError(
            f"pandera refuses what the quarantine let pass: {'; '.join(found[:10])}",
            where=f"client {client}, table {table}",
            hint="raw was left as it was; this is a fault in pipelines/ingest, please report it with the schema",
        )


def _complaints(rows: ir.Table, schema: TableSchema, table: str, checks: Checks) -> list[str]:
    """What pandera refuses, as ``column: check``; where checks were asked together, each again for its name."""
    from workbench.schemas.pandera import pandera

    try:
        pandera_schema(schema, checks).validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as error:
        found = [f"{case.schema.name or table}: {_name(case.check)}" for case in error.schema_errors]
        return (_complaints(rows, schema, table, "each") if checks == "together" else []) or found
    return []


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


def pandera_schema(schema: TableSchema, checks: Checks = "each") -> Any:
    """Our schema of a table as a ``pandera.ibis.DataFrameSchema``.

    Args:
        schema: of the table.
        checks: of what the columns hold. With ``each``, every check is a query. With ``together``, those that pandera
            has no word for, and that no value is missing, are one query, whose answer does not tell which of them
            failed. With ``none`` there are names, order, types and key.
    """
    from workbench.schemas.pandera import pandera

    columns = {
        name: pandera.Column(
            ibis_type(spec),
            checks=[*(_checks(spec) if checks != "none" else []), *(_own_checks(spec) if checks == "each" else [])],
            nullable=spec.nullable or checks != "each",
        )
        for name, spec in schema.columns.items()
    }
    rest = [pandera.Check(partial(_others_hold, schema), name="all others")] if checks == "together" else None
    return pandera.DataFrameSchema(columns, strict=True, ordered=True, unique=list(schema.key) or None, checks=rest)


def _others_hold(schema: TableSchema, data: Any) -> Any:
    """Whether no column lacks a value that it must have, and all of :func:`_own_checks` hold."""
    failed = []
    for name, spec in schema.columns.items():
        column = data.table[name]
        failed += [~check(data.table, name).check_passed for check in _own_checks(spec)]
        if not spec.nullable:
            missing = column.isnull() | column.isnan() if spec.type == "float64" else column.isnull()
            failed.append(missing.any())
    return ~any_of(failed) if failed else True


def _checks(spec: ColumnSchema) -> list[Any]:
    """Each of pandera's checks is a query, so none stands here that another one implies."""
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
    return checks


def _own_checks(spec: ColumnSchema) -> list[Any]:
    """What pandera has no word for."""
    from workbench.schemas.pandera import pandera

    check = pandera.Check
    checks = []
    if spec.unique:
        # pandera's own `unique` does nothing for a column of an Ibis table, and counts missing values as equal.
        checks.append(check(_stands_once, name="unique"))
    if spec.type == "string" and spec.isin is None:
        checks.append(check(lambda data: ~holds_nul(data.table[data.key]), name="no NUL byte"))
    if spec.type == "float64" and (spec.bound("min") is None or spec.bound("max") is None):
        checks.append(check(lambda data: ~data.table[data.key].isinf(), name="finite"))
    return checks


def _stands_once(data: Any) -> Any:
    column = data.table[data.key]
    return column.count() == column.nunique()  # neither counts missing values


def _name(check: Any) -> str:
    return str(getattr(check, "name", None) or check)
