"""Tiny made-up tables of a schema: what a recipe can be tried on where there are no data.

The values say nothing, and are the same each time. Row *i* has the *i*-th value of each column that is allowed, so what
is joined by a number, or by a column of the same name, finds its match. Every fifth value of a nullable column is
missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from workbench.engines import connection
from workbench.errors import ConfigurationError
from workbench.notebook.patterns import matching

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from workbench.clients import Schema, TableSchema
    from workbench.clients.schema import ColumnSchema

__all__ = ["sample", "sample_tables"]

EPOCH = datetime(2024, 1, 1, 6)  # noqa: DTZ001 - the engine's timestamps are UTC, without zone
ROWS = 24


def sample_tables(schema: Schema | None, names: Iterable[str] = (), rows: int = ROWS) -> dict[str, ir.Table]:
    """Tables of a schema, as expressions.

    Args:
        schema: the client's.
        names: which of its tables; without any, all of them.
        rows: of each; fewer where a key has fewer values.

    Raises:
        ConfigurationError: there is no schema, or it has no such table.
    """
    known = schema.tables if schema else {}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"table '{name}' is not in schema.yml", tried=", ".join(known), hint="its columns have to be known"
            )
    return {
        name: connection().create_table(f"sample_{name}", sample(known[name], rows), temp=True, overwrite=True)
        for name in (tuple(names) or known)
    }


def sample(table: TableSchema, rows: int = ROWS) -> pa.Table:
    """Made-up rows of one table."""
    import pyarrow as pa

    columns, fields = {}, []
    for place, (name, column) in enumerate(table.columns.items()):
        values = [_value(name, column, row) for row in range(rows)]
        if column.nullable and not column.unique:
            values = [None if (row + place) % 5 == 4 else value for row, value in enumerate(values)]
        columns[name] = values
        fields.append(pa.field(name, _type(column)))
    whole = pa.table(columns, pa.schema(fields))
    return whole.take(_first_of_each_key(whole, table.key))


def _first_of_each_key(rows: pa.Table, key: tuple[str, ...]) -> list[int]:
    """A key of few values comes round again; only its first rows stay."""
    if not key:
        return list(range(rows.num_rows))
    seen: dict[Any, int] = {}
    for at, values in enumerate(zip(*(rows[name].to_pylist() for name in key), strict=True)):
        seen.setdefault(values, at)
    return list(seen.values())


def _type(column: ColumnSchema) -> Any:
    import pyarrow as pa

    if column.type == "decimal":
        return pa.decimal128(18, column.scale or 0)
    types = {"boolean": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("us")}
    return types.get(column.type) or getattr(pa, column.type)()


def _value(name: str, column: ColumnSchema, row: int) -> Any:
    if column.isin is not None:
        return column.isin[row % len(column.isin)]
    low, high = column.bound("min"), column.bound("max")
    if column.type == "string":
        return matching(column.pattern, row) if column.pattern else f"{name}_{row}"
    if column.type == "boolean":
        return row % 2 == 1
    if column.type in ("date", "timestamp"):
        return _moment(column.type, low, high, row)
    return _number(column, low, high, row)


def _moment(kind: str, low: Any, high: Any, row: int) -> date | datetime:
    step = timedelta(hours=7) if kind == "timestamp" else timedelta(days=1)
    start = low if low is not None else (EPOCH if kind == "timestamp" else EPOCH.date())
    if high is not None and low is None:
        start = min(start, high)
    moment: date | datetime = start + row * step
    return moment if high is None or moment <= high else high


def _number(column: ColumnSchema, low: Any, high: Any, row: int) -> Any:
    if column.type == "int64":
        start = low if low is not None else min(0, high if high is not None else 0)
        return start + (row if high is None else row % (high - start + 1))
    start = float(low) if low is not None else (float(high) - 100 if high is not None else 0.0)
    width = float(high) - start if high is not None else 100.0
    value = start + width * ((7 * row + len(column.description)) % 25) / 25
    if column.type == "float64":
        return value
    exact = Decimal(str(round(value, column.scale or 0)))
    return exact.quantize(Decimal(1).scaleb(-(column.scale or 0)))
