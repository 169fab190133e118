"""The same operation where an engine has another word for it.

Ibis knows how to say most things in every dialect. What it cannot say in one, although the engine can, is put in other
words here, before the expression is compiled; DuckDB's expressions are never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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


def _md5_of_bigquery(op: Any) -> Any:
    """``MD5`` gives bytes, and ``TO_HEX`` their digits (cloud.google.com/bigquery/docs, Hash functions)."""
    import ibis

    if op.how != "md5":
        return op

    @ibis.udf.scalar.builtin(name="to_hex")  # type: ignore[untyped-decorator]
    def to_hex(digest: bytes) -> str: ...  # type: ignore[empty-body]

    return to_hex(op.arg.to_expr().hashbytes("md5")).op()


_RULES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "postgres": {"HexDigest": _md5_of_postgres, "Cast": _cast_of_postgres},
    "bigquery": {"HexDigest": _md5_of_bigquery},
}
