"""A small Arrow table as one that the engine can count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.engines import connection

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["as_lazy"]


def as_lazy(table: pa.Table) -> ir.Table:
    """A temporary table of this process's DuckDB; Ibis's own ``memtable`` would open another one."""
    from ibis.util import gen_name

    made: ir.Table = connection().create_table(gen_name("workbench_monitor"), table, temp=True)
    return made
