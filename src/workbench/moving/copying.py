"""The steps of a move that touch tables. Each can be taken again after a kill at any point of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.engines.duckdb import digest_of_file
from workbench.engines.publishing import new_name, ours, parquet_batches
from workbench.engines.stub import places_in, write_stub
from workbench.errors import ConfigurationError, DataError
from workbench.files import durable_file
from workbench.moving.digest import digest_of
from workbench.moving.journal import Journal, TableRecord, staged_primary
from workbench.moving.tables import Table, primary_of

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.engines import Warehouse
    from workbench.engines.digests import TableDigest
    from workbench.moving.digest import Digest

__all__ = ["compare", "copy", "give_way", "refuse_same_storage", "settle", "take_back"]


def refuse_same_storage(client: str, source: Warehouse | None, target: Warehouse | None) -> None:
    """What is removed from the old engine would be gone from the new one.

    Raises:
        ConfigurationError: the two are one storage under two names.
    """
    if source is not None and target is not None and _is_same_storage(source, target):
        raise ConfigurationError(
            f"{source.location} and {target.location} are one storage",
            where=f"client {client}",
            hint="nothing has to move: take the move back with `--back`, and correct the address in client.yml",
        )


def _is_same_storage(source: Warehouse, target: Warehouse) -> bool:
    """Whether a table that is made in the one is seen in the other: a server may have several addresses."""
    import pyarrow as pa

    if source.kind != target.kind:
        return False
    probe = new_name("loading")
    target.load(probe, pa.table({"probe": [1]}).to_reader())
    try:
        return probe in source.names()
    finally:
        target.drop(probe)


def copy(project: Path, client: str, table: Table, source: Warehouse | None, target: Warehouse | None) -> TableRecord:
    """Copy one table and compare what came of it.

    Raises:
        DataError: it is not the same; nothing was switched.
    """
    name, staged = "", None
    if target is not None:
        name = table.name_in(target)
        with table.read(source) as rows:
            target.load(name, rows)
    elif table.places is not None:
        staged = staged_primary(project, client)
        with table.read(source) as rows, durable_file(staged) as path:
            _to_parquet(rows, path)
    copied = _Copy(table, target, name, staged or table.path)
    wanted, found = _in_engines(table, source, copied)
    compared: Literal["engines", "here"] = "engines"
    if wanted is None or found is None:
        compared = "here"
        with table.read(source) as rows:
            wanted = digest_of(rows)
        with copied.read() as rows:
            found = digest_of(rows)
    if found != wanted:
        raise DataError(
            f"the copy is not the same: {found.rows:,} rows, digest {found.digest}; and it was {wanted.rows:,} rows, "
            f"digest {wanted.digest}",
            where=f"client {client}, table {table.label}",
            hint="give the command again; if it says the same, `--back`, and report it",
        )
    return TableRecord(found.rows, found.digest, name, compared)


class _Copy(NamedTuple):
    """Where a table went: to an engine, or to a file."""

    table: Table
    target: Warehouse | None
    name: str
    file: Path

    def digest(self) -> TableDigest | None:
        schema = self.table.schema()
        return digest_of_file(self.file, schema) if self.target is None else self.target.digest(self.name, schema)

    def read(self) -> pa.RecordBatchReader:
        if self.target is None:
            return parquet_batches(self.file)
        return self.target.batches(self.target.table(self.name), self.table.schema())


def _in_engines(
    table: Table, source: Warehouse | None, copied: _Copy
) -> tuple[TableDigest | Digest | None, TableDigest | Digest | None]:
    """Both digests, each computed by the engine that has the rows; no row comes here."""
    wanted = table.digest(source)
    return wanted, None if wanted is None else copied.digest()


def compare(table: Table, source: Warehouse | None, target: Warehouse | None, record: TableRecord) -> bool:
    """Whether a table that was copied before is still there, and still what is to be copied."""
    found: TableDigest | Digest | None
    if record.compared == "engines":
        found = table.digest(source)
    else:
        with table.read(source) as rows:
            found = digest_of(rows)
    if found is None or tuple(found) != (record.rows, record.digest):
        return False
    return target is None or record.name in target.names()


def settle(project: Path, made: Journal, target: Warehouse | None) -> None:
    """Let the file of the joined table say where its rows are, for the old engine and the new one."""
    path = primary_of(project, made.client)
    record = made.tables.get("primary")
    if record is None:
        return
    if target is None:
        staged = staged_primary(project, made.client)
        if made.places is not None and staged.is_file():
            with durable_file(path) as staging:
                shutil.copyfile(staged, staging)
    elif made.places is not None:
        write_stub(path, _schema(path), {**made.places, target.location: record.name})


def give_way(project: Path, made: Journal, source: Warehouse | None, target: Warehouse | None) -> None:
    """Remove what the old engine has; what the new one reads stays."""
    path = primary_of(project, made.client)
    if source is not None:
        for name in ours(source.names()):
            source.drop(name)
    if target is None or not path.is_file():
        return
    places, record = places_in(path), made.tables.get("primary")
    if places is None and record is not None:
        write_stub(path, _schema(path), {target.location: record.name})
    elif places is not None:
        write_stub(path, _schema(path), {where: name for where, name in places.items() if where == target.location})


def take_back(project: Path, made: Journal, source: Warehouse | None, target: Warehouse | None) -> None:
    """Remove what was copied, and have the joined table's file say what it said."""
    path = primary_of(project, made.client)
    if target is not None and not (source is not None and _is_same_storage(source, target)):
        for name in ours(target.names()):
            target.drop(name)
    if made.places is not None and path.is_file():
        now = places_in(path)
        # A stub that names neither is of a run since the switch: what it stands for has to be made again.
        if now is None or now.items() >= made.places.items():
            write_stub(path, _schema(path), made.places)


def _schema(path: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    return pq.read_schema(path).remove_metadata()


def _to_parquet(rows: pa.RecordBatchReader, path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)
