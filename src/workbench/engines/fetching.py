"""A few rows of an expression, whichever engine it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.engines import duckdb
from workbench.engines.opening import owner_of_backend

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["fetch", "is_embedded"]


def fetch(table: ir.Table) -> list[dict[str, Any]]:
    """Run an expression whose answer is a few rows, and give them as Python values; null is None."""
    if is_embedded(table):
        return duckdb.fetch(table)
    warehouse = owner_of_backend(table.get_backend())
    assert warehouse is not None  # noqa: S101 - there is no other way to such an expression
    return warehouse.fetch(table)


def is_embedded(table: ir.Table) -> bool:
    """Whether an expression is run by DuckDB, in this process."""
    return bool(table.get_backend().name == "duckdb")
