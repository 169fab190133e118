"""Whether an engine has words for an expression: compiled to its SQL, by Ibis and sqlglot, without a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workbench.engines.portable import portable

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients.engines import EngineKind

__all__ = ["sql_of", "why_not"]

DIALECTS: dict[str, str] = {
    "duckdb": "DuckDBCompiler",
    "spark": "PySparkCompiler",
    "databricks": "PySparkCompiler",  # by databricks-connect, which is Spark Connect
    "bigquery": "BigQueryCompiler",
    "postgres": "PostgresCompiler",
}
"""The engine's compiler of Ibis. Its backend would import the engine's client, which takes seconds."""
_SHOWN = 120


def sql_of(expression: ir.Table, kind: EngineKind) -> str:
    """The expression in an engine's SQL; its tables are names.

    Raises:
        IbisError: the engine has no words for an operation.
    """
    import ibis
    import sqlglot
    from ibis.backends.sql import compilers

    _give_options(ibis)
    compiler = getattr(compilers, DIALECTS[kind])()
    query = compiler.to_sqlglot(portable(expression.unbind(), kind))
    return str(query.sql(dialect=compiler.dialect, unsupported_level=sqlglot.ErrorLevel.RAISE))


def _give_options(ibis: Any) -> None:
    """Spark's compiler reads an option that Spark's backend registers when it is imported."""
    if getattr(ibis.options, "pyspark", None) is None:

        class Options(ibis.config.Config):  # type: ignore[misc]
            treat_nan_as_null: bool = False

        ibis.options.pyspark = Options()


def why_not(expression: ir.Table, kind: EngineKind) -> str | None:
    """Which operation of an expression an engine has no words for; None if it can say all of it.

    Returns:
        The operation with its operands, and why: ``TryCast(city): Compilation rule … is not defined``.
    """
    from ibis.common.exceptions import IbisError
    from sqlglot.errors import UnsupportedError

    try:
        sql_of(expression, kind)
    except (IbisError, UnsupportedError, NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        found = _named_in(reason, expression)
        return f"{found}: {reason}" if found else reason
    return None


def _named_in(reason: str, expression: Any) -> str | None:
    """The first operation of the expression that the reason is about, as a person would write it."""
    about = [has for word, has in _ABOUT.items() if word in reason]
    for node in expression.op().find(lambda one: type(one).__name__ in reason or any(has(one) for has in about)):
        operands = [getattr(one, "name", "…") for one in node.__args__ if hasattr(one, "dtype")]
        return f"{type(node).__name__}({', '.join(map(str, operands))})"[:_SHOWN]
    return None


def _has_other_zone(node: Any) -> bool:
    kind = getattr(node, "dtype", None)
    return kind is not None and kind.is_timestamp() and kind.timezone not in {None, "UTC"}


_ABOUT: dict[str, Callable[[Any], bool]] = {
    "order_by": lambda node: bool(getattr(node, "order_by", ())),
    "ASOF": lambda node: getattr(node, "how", None) == "asof",
    "timezones other than": _has_other_zone,
}
"""Words of reasons that do not say which operation they are about, and how it is known."""
