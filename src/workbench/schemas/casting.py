"""Cast a column to the type that the schema names, value by value.

A value either means exactly the same in the new type or it failed: nothing is rounded, cut off or guessed. Text is
held against a grammar before the engine casts it, because DuckDB's own casts are generous: ``'1.5'`` becomes the
integer 2, ``'1_000'`` 1000, ``'infinity'`` a date, and a UTC offset is dropped.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from workbench.clients.date_format import date_grammar
from workbench.clients.schema import ColumnSchema
from workbench.schemas.wide import is_one_of

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

__all__ = ["DECIMAL_DIGITS", "can_cast", "cast", "given", "ibis_type", "kind_of"]

DECIMAL_DIGITS = 18
"""The digits of a decimal: as many as fit into 64 bits."""

_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
_GRAMMAR = {
    "int64": r"[+-]?\d+",
    "float64": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
    "boolean": r"(?i)(true|false|t|f|yes|no|y|n|1|0)",
    "date": _DAY,
    "timestamp": rf"{_DAY}({_CLOCK}(Z|[+-]\d{{2}}(:?\d{{2}})?)?)?",
}
_FROM = {
    "string": {"string", "int64", "float64", "decimal", "boolean", "date", "timestamp", "other"},
    "int64": {"string", "int64", "float64", "decimal"},
    "float64": {"string", "int64", "float64", "decimal"},
    "decimal": {"string", "int64", "float64", "decimal"},
    "boolean": {"string", "boolean"},
    "date": {"string", "date", "timestamp"},
    "timestamp": {"string", "date", "timestamp"},
}
"""Type of the schema to the kinds of column that can be cast to it."""


def ibis_type(spec: ColumnSchema) -> dt.DataType:
    """The engine's type of a column of the schema."""
    import ibis.expr.datatypes as dt

    types = {
        "string": dt.string,
        "int64": dt.int64,
        "float64": dt.float64,
        "boolean": dt.boolean,
        "date": dt.date,
        "timestamp": dt.Timestamp(scale=6),
    }
    return dt.Decimal(DECIMAL_DIGITS, spec.scale) if spec.type == "decimal" else types[spec.type]


def kind_of(dtype: dt.DataType) -> str:
    """The schema's word for an engine's type; ``other`` if it has none."""
    words = {
        "string": dtype.is_string(),
        "int64": dtype.is_integer(),
        "float64": dtype.is_floating(),
        "decimal": dtype.is_decimal(),
        "boolean": dtype.is_boolean(),
        "date": dtype.is_date(),
        "timestamp": dtype.is_timestamp(),
    }
    return next((word for word, fits in words.items() if fits), "other")


def can_cast(dtype: dt.DataType, spec: ColumnSchema) -> bool:
    """Whether a column of that type can hold values of the schema's type at all."""
    return kind_of(dtype) in _FROM[spec.type] and not dtype.is_nested() and not dtype.is_binary()


def given(column: ir.Column, spec: ColumnSchema) -> ir.BooleanValue:
    """Whether there is a value: NaN is none, nor is text of nothing but blanks where no text is wanted."""
    value: Any = column
    if kind_of(column.type()) == "float64":
        return value.notnull() & ~value.isnan()
    if kind_of(column.type()) == "string" != spec.type:
        return value.notnull() & value.re_search(r"\S")
    return value.notnull()


def cast(column: ir.Column, spec: ColumnSchema) -> ir.Column:
    """Cast a column for which :func:`can_cast` holds; what is not of the type becomes missing.

    Text may have blanks around a value that is no text. NaN is a missing value, and infinity is no value. A timestamp
    with an offset is turned to UTC.
    """
    kind = kind_of(column.type())
    value: Any = column
    if kind == "float64":
        value = value.isnan().ifelse(None, value)
    if value.type() != ibis_type(spec):
        value = _from_text(value, spec) if kind == "string" else _from_value(value, spec)
    if spec.type in ("date", "timestamp"):
        return _in_our_years(value, spec)
    return value.isinf().ifelse(None, value) if spec.type == "float64" else value


def _in_our_years(value: Any, spec: ColumnSchema) -> Any:
    """From year 1 to 9999, which is all that Python and standard SQL know; the engine knows more, and infinity."""
    import ibis

    low, high = (date.min, date.max) if spec.type == "date" else (datetime.min, datetime.max)  # noqa: DTZ901 - in UTC
    first, last = (ibis.literal(bound, type=ibis_type(spec)) for bound in (low, high))
    return value.between(first, last).ifelse(value, None)


def _from_text(text: Any, spec: ColumnSchema) -> Any:
    if spec.format is not None:
        return _from_written_date(text, spec, spec.format)
    grammar = _GRAMMAR.get(spec.type, rf"[+-]?\d+(\.\d{{0,{spec.scale}}}0*)?")
    fits = text.re_search(rf"^\s*{grammar}\s*$")
    if spec.type == "boolean":
        return fits.ifelse(is_one_of(text.strip().lower(), ["true", "t", "yes", "y", "1"]), None)
    # By way of a zone: the direct cast ignores an offset. The session's zone is UTC.
    target = "timestamp('UTC')" if spec.type == "timestamp" else ibis_type(spec)
    return fits.ifelse(text, None).try_cast(target).cast(ibis_type(spec))


def _from_written_date(text: Any, spec: ColumnSchema, written: str) -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]
    def try_strptime(text: str, written: str) -> datetime: ...  # type: ignore[empty-body]

    stripped = text.strip()
    fits = stripped.re_search(date_grammar(written)).ifelse(stripped, None)
    return try_strptime(fits, written).cast(ibis_type(spec))


def _from_value(column: Any, spec: ColumnSchema) -> Any:
    value = column.try_cast(ibis_type(spec))
    if spec.type == "string":
        return value
    # There and back: 2.5 is no integer, noon is no date, and 2**53 + 1 is no float.
    return (value.cast(column.type()) == column).ifelse(value, None)
