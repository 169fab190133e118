"""What opening a source takes, and what comes of it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, did_you_mean
from workbench.files import explain_storage, sha256_of_file
from workbench.sources.forgotten import without_forgotten

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

    from workbench.clients.sources import Source

__all__ = ["LINE", "PROBLEM", "OpenedTable", "Opening", "SourceFile", "open_source"]

PROBLEM = "_problem"
"""Column of a table from CSV: why a line could not be split into columns; missing for every other row."""
LINE = "_line"
"""Column of a table from CSV: such a line as it stands in the file; missing for every other row."""


@dataclass(frozen=True)
class Opening:
    """What a kind needs to open a source.

    Attributes:
        client: the client's id.
        table: the name of the table.
        project: the folder that paths in client.yml are relative to.
        scratch: a private folder for what has to be unpacked or generated; the caller removes it, and not before the
            table was read for the last time.
        connection: the engine that reads the table.
        scale_factor: the size of generated tables (TPC-H: 1 is 6 million order lines).
    """

    client: str
    table: str
    project: Path
    scratch: Path
    connection: Backend
    scale_factor: float = 0.1

    @property
    def where(self) -> str:
        """The beginning of every error: "client skyways, table flights"."""
        return f"client {self.client}, table {self.table}"

    def folder(self) -> Path:
        """A new, empty folder under ``scratch``."""
        return Path(tempfile.mkdtemp(prefix=f"{self.table}-", dir=self.scratch))


@dataclass(frozen=True)
class SourceFile:
    """One file that was read, as it lay there: packed, and in its own encoding."""

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Read the file once, for its digest."""
        return cls(path.name, path.stat().st_size, sha256_of_file(path))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class OpenedTable:
    """A table that can be read, and the files it comes from.

    Attributes:
        rows: the table, lazily, in the order of the source. From CSV: all columns are text, and :data:`PROBLEM` and
            :data:`LINE` stand beside them.
        files: what was read, in order.
    """

    rows: ir.Table
    files: tuple[SourceFile, ...]


def renamed(rows: ir.Table, names: dict[str, str], opening: Opening) -> ir.Table:
    """The table with the columns' names of client.yml.

    Args:
        rows: as the file names them.
        names: new name to the name in the file.
        opening: for the error.

    Raises:
        DataError: the file has no such column, or another one has the new name.
    """
    for new, old in names.items():
        if old not in rows.columns:
            raise DataError(
                f"column '{old}', which `rename` calls '{new}', is not in the file",
                where=opening.where,
                hint=did_you_mean(old, rows.columns, "correct `rename` in client.yml"),
            )
    kept = {name.casefold() for name in rows.columns if name not in names.values()}
    for new in names:
        if new.casefold() in kept:
            raise DataError(
                f"`rename` makes a second column '{new}'", where=opening.where, hint="take another name in client.yml"
            )
    return rows.rename(names) if names else rows


_KINDS = {
    "csv": "csv_source",
    "database": "database_source",
    "package_csv": "package_csv_source",
    "parquet": "parquet_source",
    "sklearn": "sklearn_source",
    "tpch": "tpch_source",
}


def open_source(source: Source, opening: Opening) -> OpenedTable:
    """Open a source of any kind; rows of subjects that were forgotten are left out.

    Raises:
        ConfigurationError: what client.yml names cannot be there: a path outside the project, a missing package.
        DataError: a file is missing, empty, damaged, too large when unpacked, or not encoded as client.yml says.
        StorageError: there is no room in ``scratch`` for what has to be unpacked.
        Unreachable: a database does not answer, or went away.
    """
    with explain_storage(opening.scratch):
        opened: OpenedTable = import_module(f"workbench.sources.{_KINDS[source.kind]}").open_table(source, opening)
    rows = renamed(opened.rows, getattr(source, "rename", {}), opening)
    opened = OpenedTable(without_forgotten(rows, opening, LINE), opened.files)
    if opened.rows.limit(1).count().to_pyarrow().as_py() == 0:
        raise DataError(
            "there are columns but no rows",
            where=f"{opening.where}, {opened.files[0].name}",
            hint="bring the data, or take the table out of client.yml",
        )
    return opened
