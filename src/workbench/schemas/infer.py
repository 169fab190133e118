"""Types for a table that has no schema, found by the engine in one pass over all rows of every fifty columns.

Where text looks like dates, a second pass finds their format; see :mod:`workbench.schemas.dates`.

A text column gets a type only if every value of it is of that type, so no row of an inferred table can fail.
Numbers with leading zeros stay text: they are postcodes and account numbers. So do whole numbers of which a float would
lose the last digits: two different ones would become one. Only ``true`` and ``false`` make a
boolean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.engines import fetch
from workbench.errors import DataError
from workbench.schemas.casting import DECIMAL_DIGITS, can_cast, cast, given, kind_of
from workbench.schemas.dates import DATE_LIKE, Decision, Order, decide, formats_like, kind_of_format
from workbench.schemas.wide import parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Inferred", "infer", "infer_schema"]

_CANDIDATES = ("int64", "float64", "boolean", "date", "timestamp")
_EXCEPT = {"int64": r"^\s*[+-]?0\d", "float64": r"^\s*[+-]?0\d", "boolean": r"(?i)^\s*(t|f|y|n|yes|no|0|1)\s*$"}


class Inferred(NamedTuple):
    """A schema that says the types and checks nothing, and column to why a text is a date or, nearly one, is none."""

    schema: TableSchema
    dates: dict[str, str]


def infer_schema(rows: ir.Table, names: tuple[str, ...], client: str, table: str) -> TableSchema:
    """The schema alone; see :func:`infer`."""
    return infer(rows, names, client, table).schema


def infer(rows: ir.Table, names: tuple[str, ...], client: str, table: str, order: Order | None = None) -> Inferred:
    """Find the types.

    Args:
        rows: the source.
        names: its columns, less those that the source itself put there.
        client: for the error.
        table: for the error.
        order: whether day or month comes first in a date whose values do not tell.

    Raises:
        DataError: a column is a list, a struct or of bytes, for which the schema has no word.
    """
    texts = [name for name in names if rows[name].type().is_string()]
    types: dict[str, ColumnSchema] = {}
    dates: dict[str, str] = {}
    for some in parts(texts):
        found, reasons = _types_of_text(some, rows.select(*some), order)
        types |= found
        dates |= reasons
    columns = {name: types.get(name) or _spec_of(rows[name].type()) for name in names}
    for name, spec in columns.items():
        if not can_cast(rows[name].type(), spec):
            raise DataError(
                f"column '{name}' is {rows[name].type()}, which has no place in a raw table",
                where=f"client {client}, table {table}",
                hint="have it delivered as plain columns",
            )
    return Inferred(TableSchema(columns=columns), dates)


def _loses_digits(text: Any) -> Any:
    """Whether it is a whole number too long for an int64, and no float is equal to it."""
    whole = text.re_search(r"^\s*[+-]?\d{16,}\s*$").ifelse(text, None).strip()
    exact = whole.try_cast("decimal(38, 0)")
    # Beyond 38 digits it is a name in any case.
    return whole.notnull() & ~(whole.try_cast("float64").try_cast("decimal(38, 0)") == exact).fill_null(False)


def _spec_of(dtype: Any) -> ColumnSchema:
    kind = kind_of(dtype)
    if kind == "decimal":
        fits = dtype.scale is not None and dtype.precision <= DECIMAL_DIGITS
        return ColumnSchema(type="decimal", scale=dtype.scale, nullable=True) if fits else _nullable("float64")
    return _nullable("string" if kind == "other" else kind)


def _nullable(kind: Any) -> ColumnSchema:
    return ColumnSchema(type=kind, nullable=True)


def _types_of_text(
    names: list[str], rows: ir.Table, order: Order | None
) -> tuple[dict[str, ColumnSchema], dict[str, str]]:
    measures: dict[str, Any] = {}
    for position, name in enumerate(names):
        column: Any = rows[name]
        measures[f"{position}_any"] = column.strip().nullif("").count() > 0
        measures[f"{position}_like"] = column.re_search(DATE_LIKE).ifelse(column, None).min()
        for kind in _CANDIDATES:
            refused = given(column, _nullable(kind)) & cast(column, _nullable(kind)).isnull()
            if kind in _EXCEPT:
                refused |= column.re_search(_EXCEPT[kind])
            if kind == "float64":
                refused |= _loses_digits(column)
            measures[f"{position}_{kind}"] = ~refused.fill_null(False).any()
    answer = fetch(rows.aggregate(**measures))[0]
    found, formats = {}, {}
    for position, name in enumerate(names):
        fits = [kind for kind in _CANDIDATES if answer[f"{position}_{kind}"]] if answer[f"{position}_any"] else []
        found[name] = _nullable(fits[0] if fits else "string")
        if not fits and (like := answer[f"{position}_like"]):
            formats[name] = formats_like(like)
    decisions = _written_dates({name: some for name, some in formats.items() if some}, rows, order)
    found |= {name: decision.spec for name, decision in decisions.items() if decision.spec}
    return found, {name: decision.why for name, decision in decisions.items() if decision.why}


def _written_dates(formats: dict[str, list[str]], rows: ir.Table, order: Order | None) -> dict[str, Decision]:
    """Hold all values of the columns that look like dates against the formats in which they may be written."""
    if not formats:
        return {}
    measures: dict[str, Any] = {}
    for position, (name, some) in enumerate(formats.items()):
        column: Any = rows[name]
        measures[f"{position}"] = given(column, _nullable("date")).sum()
        for number, text in enumerate(some):
            spec = ColumnSchema(type=kind_of_format(text), format=text, nullable=True)
            measures[f"{position}_{number}"] = (given(column, spec) & cast(column, spec).isnull()).sum()
    answer = fetch(rows.aggregate(**measures))[0]
    return {
        name: decide(
            answer[f"{position}"],
            {text: answer[f"{position}_{number}"] for number, text in enumerate(some)},
            order,
        )
        for position, (name, some) in enumerate(formats.items())
    }
