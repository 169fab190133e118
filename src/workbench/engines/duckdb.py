"""DuckDB, embedded: the default engine.

One connection a process: a process serves one client, and expressions can be joined only within one connection.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

__all__ = ["connection", "is_expression", "write_parquet"]

ROW_GROUP_ROWS = 122_880
"""DuckDB's own default (duckdb.org/docs, "Parquet: writing"); written out, so that files do not depend on it."""


@cache
def connection() -> Backend:
    """The process's DuckDB connection. Extensions are never fetched over the network."""
    import ibis

    # Ibis sets TimeZone to UTC by itself; the rest keeps a run's result independent of the machine it ran on.
    return ibis.duckdb.connect(
        autoinstall_known_extensions=False,
        preserve_insertion_order=True,
        # Parquet written by one thread has other bytes than by two or more, which all agree.
        threads=max(2, int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 2)),
        # DuckDB remembers what it read of a file, and not always that somebody wrote it anew.
        enable_external_file_cache=False,
        # What does not fit into memory goes beside the system's other temporary files, not into the project.
        temp_directory=str(Path(tempfile.gettempdir()) / f"workbench-duckdb-{os.getpid()}"),
    )


def is_expression(value: Any) -> bool:
    """Whether a value is an Ibis table, without importing Ibis for the sake of the question."""
    import sys

    module = sys.modules.get("ibis.expr.types")
    return module is not None and isinstance(value, module.Table)


def write_parquet(table: ir.Table, path: Path) -> None:
    """Run an expression and stream its rows to one Parquet file (zstd), in the expression's order.

    The rows never enter Python. The bytes are the same for the same rows in the same order.
    """
    table.get_backend().to_parquet(table, path, compression="zstd", row_group_size=ROW_GROUP_ROWS)
