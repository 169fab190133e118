"""BigQuery's types in its REST form, in DuckDB, and in the JSON of an answer.

https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema ·
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types ·
https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

__all__ = ["Field", "duckdb_type", "field_of_arrow", "fields_of", "is_column_name", "rows_of", "sql_type"]

Field = Mapping[str, Any]
"""A ``TableFieldSchema``: name, type, mode; precision and scale of a parameterised number."""

LEGACY = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}
"""A table's resource has the names of legacy SQL, whichever were sent."""
_SQL = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_DUCKDB = {
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "STRING": "VARCHAR",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "NUMERIC": "DECIMAL(38, 9)",
    "BIGNUMERIC": "DECIMAL(38, 18)",  # it has 76 digits, and DuckDB 38
}
_COLUMN = re.compile(r"[\w&%=+:'<>#|~ -]{1,300}")
"""https://cloud.google.com/bigquery/docs/schemas#flexible-column-names"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """The fields of a ``TableSchema``, each with its legacy name and its mode."""
    return [
        {
            **field,
            "type": LEGACY.get(field["type"].upper(), field["type"].upper()),
            "mode": field.get("mode", "NULLABLE"),
        }
        for field in schema["fields"]
    ]


def is_column_name(name: str) -> bool:
    """Whether a column may have it."""
    return _COLUMN.fullmatch(name) is not None


def sql_type(field: Field) -> str:
    """What the type is called in GoogleSQL; a parameter is no part of the type of an expression."""
    return _SQL.get(field["type"], str(field["type"]))


def duckdb_type(field: Field) -> str:
    """What holds it here."""
    if field["type"] in {"NUMERIC", "BIGNUMERIC"} and field.get("precision"):
        return f"DECIMAL({min(int(field['precision']), 38)}, {int(field.get('scale') or 0)})"
    return _DUCKDB[field["type"]]


def field_of_arrow(column: pa.Field) -> Field:
    """The type that a column of a Parquet file is given where the job names no schema."""
    kind, types = column.type, pa.types
    words: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
        (types.is_boolean, "BOOLEAN"),
        (types.is_integer, "INTEGER"),
        (types.is_floating, "FLOAT"),
        (types.is_decimal, "NUMERIC" if not types.is_decimal(kind) or kind.scale <= 9 else "BIGNUMERIC"),
        (types.is_date, "DATE"),
        (types.is_timestamp, "TIMESTAMP"),
        (types.is_string, "STRING"),
        (types.is_large_string, "STRING"),
    )
    word = next((word for fits, word in words if fits(kind)), "BYTES")
    return {"name": column.name, "type": word, "mode": "NULLABLE" if column.nullable else "REQUIRED"}


def rows_of(rows: Iterable[tuple[Any, ...]], fields: list[Field], *, int64_timestamp: bool) -> list[dict[str, Any]]:
    """Rows as ``{"f": [{"v": …}]}``: every value is text, or null."""
    writers = [_writer(field["type"], int64_timestamp) for field in fields]
    return [
        {"f": [{"v": None if value is None else write(value)} for write, value in zip(writers, row, strict=True)]}
        for row in rows
    ]


def _writer(kind: str, int64_timestamp: bool) -> Callable[[Any], str]:
    writers: dict[str, Callable[[Any], str]] = {
        "FLOAT": _float,
        "BOOLEAN": lambda value: "true" if value else "false",
        "BYTES": lambda value: base64.b64encode(value).decode(),
        "DATE": date.isoformat,
        "DATETIME": datetime.isoformat,
        "TIMESTAMP": _micros if int64_timestamp else _seconds,
        "NUMERIC": _decimal,
        "BIGNUMERIC": _decimal,
    }
    return writers.get(kind, str)


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Any) -> str:
    """Without the zeros at the end, as BigQuery writes them."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _micros(value: datetime) -> str:
    return str((value - _EPOCH) // timedelta(microseconds=1))


def _seconds(value: datetime) -> str:
    return repr((value - _EPOCH) / timedelta(seconds=1))
