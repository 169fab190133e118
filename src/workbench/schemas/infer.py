"""Types for a table that has no schema, found by the engine in one pass over all of its rows.

A text column gets a type only if every value of it is of that type, so no row of an inferred table can fail.
Numbers with leading zeros stay text: they are postcodes and account numbers. So do whole numbers of which a float would
lose the last digits: two different ones would become one. Only ``true`` and ``false`` make a
boolean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.clients import TableSchema
from workbench.clients.schema import ColumnSchema
from workbench.engines import fetch
from workbench.errors import DataError
from workbench.schemas.casting import DECIMAL_DIGITS, can_cast, cast, given, kind_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["infer_schema"]

_CANDIDATES = ("int64", "float64", "boolean", "date", "timestamp")
_EXCEPT = {"int64": r"^\s*[+-]?0\d", "float64": r"^\s*[+-]?0\d", "boolean": r"(?i)^\s*(t|f|y|n|yes|no|0|1)\s*$"}


def infer_schema(rows: ir.Table, names: tuple[str, ...], client: str, table: str) -> TableSchema:
    """A schema that says the types and checks nothing.

    Args:
        rows: the source.
        names: its columns, less those that the source itself put there.
        client: for the error.
        table: for the error.

    Raises:
        DataError: a column is a list, a struct or of bytes, for which the schema has no word.
    """
    types = _types_of_text([name for name in names if rows[name].type().is_string()], rows)
    columns = {name: types.get(name) or _spec_of(rows[name].type()) for name in names}
    for name, spec in columns.items():
        if not can_cast(rows[name].type(), spec):
            raise DataError(
                f"column '{name}' is {rows[name].type()}, which has no place in a raw table",
                where=f"client {client}, table {table}",
                hint="have it delivered as plain columns",
            )
    return TableSchema(columns=columns)


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


def _types_of_text(names: list[str], rows: ir.Table) -> dict[str, ColumnSchema]:
    if not names:
        return {}
    measures: dict[str, Any] = {}
    for position, name in enumerate(names):
        column: Any = rows[name]
        measures[f"{position}_any"] = column.strip().nullif("").count() > 0
        for kind in _CANDIDATES:
            refused = given(column, _nullable(kind)) & cast(column, _nullable(kind)).isnull()
            if kind in _EXCEPT:
                refused |= column.re_search(_EXCEPT[kind])
            if kind == "float64":
                refused |= _loses_digits(column)
            measures[f"{position}_{kind}"] = ~refused.fill_null(False).any()
    answer = fetch(rows.aggregate(**measures))[0]
    found = {}
    for position, name in enumerate(names):
        fits = [kind for kind in _CANDIDATES if answer[f"{position}_{kind}"]] if answer[f"{position}_any"] else []
        found[name] = _nullable(fits[0] if fits else "string")
    return found
