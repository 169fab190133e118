"""pandera has the last word: what enters raw passes a pandera schema that says the same as ours.

The quarantine decides row by row; pandera decides over the table, with checks of its own. Two readings of one schema,
which have to agree on every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.ingest.rules import full_match, holds_nul
from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.errors import DataError
from workbench.schemas.casting import ibis_type

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["judge", "pandera_schema"]


def judge(kept: ir.Table, schema: TableSchema, client: str, table: str) -> None:
    """Validate a table that has rows (of none, pandera refuses everything); every check is a query of the engine.

    Raises:
        DataError: pandera refuses it. The message names columns and checks, and no values.
    """
    from workbench.schemas.pandera import pandera

    try:
        pandera_schema(schema).validate(kept, lazy=True)
    except pandera.errors.SchemaErrors as error:
        found = [f"{case.schema.name or table}: {_name(case.check)}" for case in error.schema_errors]
        raise DataError(
            f"pandera refuses what the quarantine let pass: {'; '.join(found[:10])}",
            where=f"client {client}, table {table}",
            hint="raw was left as it was; this is a fault in pipelines/ingest, please report it with the schema",
        ) from None


def pandera_schema(schema: TableSchema) -> Any:
    """Our schema of a table as a ``pandera.ibis.DataFrameSchema``."""
    from workbench.schemas.pandera import pandera

    columns = {
        name: pandera.Column(ibis_type(spec), checks=_checks(spec), nullable=spec.nullable)
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
