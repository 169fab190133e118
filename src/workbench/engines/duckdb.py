"""DuckDB, embedded: the default engine.

One connection a process: a process serves one client, and expressions can be joined only within one connection.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError
from workbench.files import explain_storage
from workbench.scratch import PREFIX, private_path

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

    from workbench.engines.digests import TableDigest

__all__ = ["connection", "digest_of_file", "fetch", "file_of", "is_expression", "read_file", "write_parquet"]

_SCRATCH = f"{PREFIX}duckdb-"
_FILES: dict[str, Path] = {}  # by the name of its view

ROW_GROUP_ROWS = 122_880
"""DuckDB's own default (duckdb.org/docs, "Parquet: writing"); written out, so that files do not depend on it."""

ZSTD_LEVEL = 1
"""Arrow's default. DuckDB's own, 3, takes 40 % longer for the order lines of tradewinds, for files 0.3 % smaller."""


@cache
def connection() -> Backend:
    """The process's DuckDB connection. Extensions are never fetched over the network."""
    import ibis

    # Ibis sets TimeZone to UTC by itself; the rest keeps a run's result independent of the machine it ran on.
    backend: Backend = ibis.duckdb.connect(
        autoinstall_known_extensions=False,
        preserve_insertion_order=True,
        # Parquet written by one thread has other bytes than by two or more, which all agree.
        threads=max(2, int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 2)),
        # DuckDB remembers what it read of a file, and not always that somebody wrote it anew.
        enable_external_file_cache=False,
        temp_directory=_scratch(),
    )
    # DuckDB's bar goes to standard output, where commands print JSON. In a notebook without ipywidgets it is off, and
    # there DuckDB refuses any change of it.
    if backend.con.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        backend.raw_sql("SET enable_progress_bar = false")
    return backend


def _scratch() -> str:
    """Where what does not fit into memory goes: a folder of the process's own, private, not in the project.

    The system's temporary folder must have room for it; TMPDIR names another.
    """
    folder = str(private_path("duckdb"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def read_file(path: Path) -> ir.Table:
    """A Parquet file's rows, lazily; :func:`file_of` knows the file again."""
    table = connection().read_parquet(path)
    _FILES[table.get_name()] = path
    return table


def file_of(table: ir.Table) -> Path | None:
    """The file whose rows an expression stands for, all of them and as they are; None if it is anything else."""
    import ibis.expr.operations as ops

    op = table.op()
    return _FILES.get(op.name) if isinstance(op, ops.DatabaseTable) else None


def is_expression(value: Any) -> bool:
    """Whether a value is an Ibis table, without importing Ibis for the sake of the question."""
    import sys

    module = sys.modules.get("ibis.expr.types")
    return module is not None and isinstance(value, module.Table)


def fetch(table: ir.Table) -> list[dict[str, Any]]:
    """Run an expression whose answer is a few rows, and give them as Python values; null is None.

    Ibis's own way goes through Arrow, and for that it imports pandas: a third of a second, and 50 MB, that a run which
    never touches pandas would pay.
    """
    backend = table.get_backend()
    backend._run_pre_execute_hooks(table)  # noqa: SLF001 - as in write_parquet
    with _explained(), backend._safe_raw_sql(backend.compile(table)) as cursor:  # noqa: SLF001
        return [dict(zip(table.columns, row, strict=True)) for row in cursor.fetchall()]


def write_parquet(table: ir.Table, path: Path) -> None:
    """Run an expression and stream its rows to one Parquet file (zstd), in the expression's order.

    The rows never enter Python. The bytes are the same for the same rows in the same order.
    """
    backend = table.get_backend()
    # As `backend.to_parquet` does, but for the path: it writes that as Python would, and SQL reads other rules.
    backend._run_pre_execute_hooks(table)  # noqa: SLF001
    target = str(path).replace("'", "''")
    options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
    with _explained():
        backend.raw_sql(f"COPY ({backend.compile(table)}) TO '{target}' ({options})")


def digest_of_file(path: Path, schema: pa.Schema) -> TableDigest | None:
    """The digest of a Parquet file's rows, as any other engine would compute it; None if that cannot be exact."""
    from workbench.engines.digests import digest_sql, read_digest

    file = str(path).replace("'", "''")
    sql = digest_sql("duckdb", f"read_parquet('{file}')", schema)
    if sql is None:
        return None
    with _explained():
        (row,) = connection().con.execute(sql).fetchall()
    return read_digest(row)


@contextmanager
def _explained() -> Iterator[None]:
    """Say in one sentence what the engine says of a disk, of memory, and of a file that is whole only at its ends.

    A footer of Parquet is read when a table is opened; the pages before it, when the query runs.

    Raises:
        StorageError: its temporary folder has no room.
        DataError: a page of a Parquet file cannot be decoded, a sum is beyond its type, or memory and temporary folder
            do not hold the query.
    """
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise DataError(
            "the query does not fit into memory and the temporary folder",
            hint="free some memory, or name a folder with more room in TMPDIR",
        ) from error
    except duckdb.OutOfRangeException as error:
        raise DataError(
            f"numbers are too large to be added up or squared ({str(error).splitlines()[0].strip()})",
            hint="give the columns a `max` in schema.yml, so that `ingest` sets such rows apart",
        ) from error
    except duckdb.IOException as error:
        # Of the file that is written, who writes it durably tells; of the temporary folder, nobody else can.
        if _SCRATCH not in str(error):
            raise
        with explain_storage(Path(tempfile.gettempdir())):
            raise
    except duckdb.Error as error:
        # Thrift and the decoders throw what has no class of its own.
        if type(error) not in (duckdb.Error, duckdb.InvalidInputException):
            raise
        raise DataError(
            f"a Parquet file that is read cannot be decoded ({str(error).splitlines()[0].strip()})",
            hint="it was cut or changed on its way: fetch it again, or make it again with `kedro run`",
        ) from error
