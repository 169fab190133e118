"""The tables that ``prepare`` works on, wherever the client's engine keeps them.

With DuckDB they are the Parquet files of :mod:`workbench.datasets.tables`, and nothing here adds to that. With another
engine:

``raw``       the Parquet files that ``ingest`` validated, and a copy of each in the engine; loads as the copies
``primary``   a table in the engine, and a stub in place of the file
``features``  a table in the engine, and the file: the one table that comes here, as a stream
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import ClientPathDataset
from workbench.datasets.tables import ParquetTable, TableFolder
from workbench.engines import Warehouse, connection, is_embedded, is_expression, warehouse_of
from workbench.engines.publishing import keep_only, name_for_file, new_name, publish
from workbench.engines.stub import places_in, write_stub
from workbench.errors import DataError
from workbench.files import explain_storage
from workbench.scratch import private_folder

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["FeatureTable", "PrimaryTable", "RawTables"]


class RawTables(ClientPathDataset["Mapping[str, ir.Table | pa.Table]", "dict[str, ir.Table]"], TableFolder):
    """The validated tables."""

    def load(self) -> dict[str, ir.Table]:
        """Table name to table, lazily; what the engine does not have yet is sent there."""
        tables = super().load()
        warehouse = warehouse_of(self._project, self._client)
        if warehouse is None:
            return tables
        return self._published(warehouse, tables)

    def save(self, data: Mapping[str, ir.Table | pa.Table]) -> None:
        """Write the files durably, then send them to the engine."""
        super().save(data)
        warehouse = warehouse_of(self._project, self._client)
        if warehouse is not None:
            self._published(warehouse, data)

    def _published(self, warehouse: Warehouse, tables: Mapping[str, Any]) -> dict[str, ir.Table]:
        """Each file's rows as a table of the engine; what was there of older files is dropped."""
        files = {name: self._path / f"{name}.parquet" for name in tables}
        wanted = {name_for_file("raw", file) for file in files.values()}
        known = set(warehouse.names())
        found = {name: publish(warehouse, "raw", file) for name, file in files.items()}
        if not wanted <= known:
            keep_only(warehouse, "raw", wanted)
        return found


class PrimaryTable(ClientPathDataset["ir.Table | pa.Table", "ir.Table"], ParquetTable):
    """The joined table."""

    def load(self) -> ir.Table:
        """The table, lazily.

        Raises:
            DataError: its rows are in an engine that the client does not have any more.
        """
        warehouse = warehouse_of(self._project, self._client)
        file = self._present()
        places = None if warehouse is None and not _may_be_stub(file) else places_in(file)
        if warehouse is None:
            if places is None:
                return super().load()
            raise self._elsewhere(places, "duckdb")
        if places is None:
            return publish(warehouse, "primary", file)
        name = places.get(warehouse.location)
        if name is None or name not in warehouse.names():
            raise self._elsewhere(places, warehouse.location)
        return warehouse.table(name)

    def save(self, data: ir.Table | pa.Table) -> None:
        """Have the engine make the table; the file says afterwards which one it is."""
        warehouse = _of_expression(data, self._project, self._client)
        if warehouse is None:
            super().save(data)
            return
        expression, _ = _unsorted(data)
        name = new_name("primary")
        warehouse.create(name, expression)
        write_stub(self._path, expression.schema().to_pyarrow(), {warehouse.location: name})
        keep_only(warehouse, "primary", {name})

    def _elsewhere(self, places: Mapping[str, str], wanted: str) -> DataError:
        return DataError(
            f"the rows are in {', '.join(places)}, and not in {wanted}",
            where=f"client {self._client}, {self.path}",
            hint=f"make them again: `kedro run --env clients/{self._client} --pipelines prepare`",
        )


class FeatureTable(ClientPathDataset["ir.Table | pa.Table", "ir.Table"], ParquetTable):
    """The features; always a file here, because a trainer reads them, and sorted by key."""

    def save(self, data: ir.Table | pa.Table) -> None:
        """Have the engine make the table, and write the file from its stream.

        Engines send rows in any order, and sort text each in their own way. So DuckDB sorts them here, on disk where
        memory ends, and writes the file: equal rows give equal bytes, whichever engine made them.
        """
        warehouse = _of_expression(data, self._project, self._client)
        if warehouse is None:
            super().save(data)
            return
        expression, keys = _unsorted(data)
        name = new_name("features")
        warehouse.create(name, expression)
        with private_folder("rows") as scratch:
            streamed = Path(scratch, "features.parquet")
            with explain_storage(streamed):
                _write_stream(warehouse.batches(warehouse.table(name), expression.schema().to_pyarrow()), streamed)
            super().save(connection().read_parquet(streamed).order_by(*keys))
        keep_only(warehouse, "features", {name})


def _of_expression(data: Any, project: Path, client: str) -> Warehouse | None:
    """The engine that has to run it; None for what DuckDB runs, and for a table in memory."""
    return None if not is_expression(data) or is_embedded(data) else warehouse_of(project, client)


def _unsorted(data: Any) -> tuple[ir.Table, list[str]]:
    """An expression without the sorting at its end, and the columns of that."""
    import ibis.expr.operations as ops

    op = data.op()
    return (op.parent.to_expr(), [key.name for key in op.keys]) if isinstance(op, ops.Sort) else (data, [])


def _may_be_stub(path: Path) -> bool:
    """A stub is a few kilobytes; the question costs no import where DuckDB is the engine."""
    return path.stat().st_size < 256 * 1024


def _write_stream(rows: pa.RecordBatchReader, path: Path) -> None:
    import pyarrow.parquet as pq

    with rows, pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)
