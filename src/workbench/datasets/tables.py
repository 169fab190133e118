"""Tables in Parquet: one file, or a folder with one file a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import PathDataset
from workbench.engines import is_expression, read_file, write_parquet
from workbench.errors import DataError
from workbench.files import durable_file, durable_folder, recover_folder

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

__all__ = ["ParquetTable", "TableFolder"]


class ParquetTable(PathDataset["ir.Table | pa.Table", "ir.Table"]):
    """One table in one Parquet file. Loads as an Ibis expression; saves an Ibis expression or an Arrow table.

    An Arrow table's schema metadata goes into the file's own metadata.
    """

    def load(self) -> ir.Table:
        """The table, lazily."""
        return _read(self._present())

    def save(self, data: ir.Table | pa.Table) -> None:
        """Write the table durably."""
        with durable_file(self._path) as staging, _named(f"table {self._path.stem}"):
            _write(data, staging)


class TableFolder(PathDataset["Mapping[str, ir.Table | pa.Table]", "dict[str, ir.Table]"]):
    """Several tables in one folder, ``<table>.parquet`` each; the folder changes as a whole."""

    def load(self) -> dict[str, ir.Table]:
        """Table name to table, lazily, sorted by name."""
        recover_folder(self._path)
        files = sorted(self._present().glob("*.parquet"))
        return {file.stem: _read(file) for file in files}

    def save(self, data: Mapping[str, ir.Table | pa.Table]) -> None:
        """Write all tables durably, one file at a time."""
        with durable_folder(self._path) as staging:
            for name, table in data.items():
                if not name.isidentifier():
                    raise DataError(f"table name {name!r} is not an identifier", where=str(self._path))
                with _named(f"table {name}"):
                    _write(table, staging / f"{name}.parquet")


@contextmanager
def _named(where: str) -> Iterator[None]:
    """The engine does not know which table it was asked for when what it reads turns out to be damaged."""
    try:
        yield
    except DataError as error:
        error.where = error.where or where
        raise


def _read(path: Path) -> ir.Table:
    try:
        return read_file(path)
    except Exception as error:
        raise DataError(
            f"cannot be read as Parquet ({str(error).splitlines()[0]})",
            where=str(path),
            hint="make it again with `kedro run`, or bring it back with `dvc checkout`",
        ) from error


def _write(table: Any, path: Path) -> None:
    if is_expression(table):
        write_parquet(table, path)
        return
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")
