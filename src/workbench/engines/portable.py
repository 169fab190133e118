"""The same operation where an engine has another word for it, or means something else by the same one.

Ibis knows how to say most things in every dialect. What it cannot say in one, although the engine can, is put in other
words here, before the expression is compiled; DuckDB's expressions are never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.engines import portable_bigquery as bigquery

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients.engines import EngineKind

__all__ = ["portable"]


def portable(expression: ir.Table, kind: EngineKind) -> ir.Table:
    """The expression in operations that the engine knows."""
    rules = _RULES.get(kind)
    if rules is None:
        return expression

    def replaced(node: Any, kwargs: dict[str, Any] | None) -> Any:
        # Ibis hands over the arguments if one of them was replaced.
        whole = node.__recreate__(kwargs) if kwargs else node
        rule = rules.get(type(node).__name__)
        return whole if rule is None else rule(whole)

    op: Any = expression.op()
    table: ir.Table = op.replace(replaced).to_expr()
    return table


def _md5_of_postgres(op: Any) -> Any:
    """``md5(text)`` gives hexadecimal digits (postgresql.org/docs, 9.4 String Functions)."""
    import ibis

    if op.how != "md5":
        return op

    @ibis.udf.scalar.builtin(name="md5")  # type: ignore[untyped-decorator]
    def md5(text: str) -> str: ...  # type: ignore[empty-body]

    return md5(op.arg.to_expr()).op()


def _cast_of_postgres(op: Any) -> Any:
    """A boolean casts to ``integer`` and to no other number (postgresql.org/docs, catalog ``pg_cast``)."""
    if not op.arg.dtype.is_boolean() or not op.to.is_numeric() or op.to.is_int32():
        return op
    return op.arg.to_expr().cast("int32").cast(op.to).op()


_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_TIME = r"^\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?\s*$"


def _text_as_value(op: Any) -> Any:
    """What every engine takes for a number or a time, and no more.

    Spark reads ``1d`` as a number, PostgreSQL ``tomorrow`` as a time. DuckDB alone reads digits with ``_`` between them
    and turns times with an offset to UTC.
    """
    grammar = _NUMBER if op.to.is_floating() else _TIME
    if not op.arg.dtype.is_string() or not (op.to.is_floating() or op.to.is_timestamp()):
        return op
    text = op.arg.to_expr()
    return text.re_search(grammar).ifelse(text.strip(), None).try_cast(op.to).op()


def _text_as_value_of_postgres(op: Any) -> Any:
    """``pg_input_is_valid`` says whether a text can be cast (postgresql.org/docs, 9.26; version 16 on).

    Ibis compiles ``TRY_CAST`` as ``CAST`` here, and one odd value would end the query.
    """
    import ibis

    @ibis.udf.scalar.builtin(name="pg_input_is_valid")  # type: ignore[untyped-decorator]
    def is_valid(text: str, name: str) -> bool: ...  # type: ignore[empty-body]

    guarded = _text_as_value(op)
    if guarded is op:
        return op
    text = guarded.arg.to_expr()
    name = "double precision" if op.to.is_floating() else "timestamp"
    return is_valid(text, name).ifelse(text, None).cast(op.to).op()


_RULES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "spark": {"TryCast": _text_as_value},
    "databricks": {"TryCast": _text_as_value},
    "postgres": {"HexDigest": _md5_of_postgres, "Cast": _cast_of_postgres, "TryCast": _text_as_value_of_postgres},
    "bigquery": {
        "Cast": bigquery.micros,
        "DayOfWeekName": bigquery.name_of_day,
        "ExtractEpochSeconds": bigquery.epoch_seconds,
        "HexDigest": bigquery.md5,
        "TimestampAdd": bigquery.plus,
        "TimestampSub": bigquery.plus,
        "TryCast": lambda op: bigquery.text_as_value(op, _text_as_value(op)),
        "WindowFunction": bigquery.range_of_time,
    },
}
