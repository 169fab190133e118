"""Kind ``parquet``: files of the project that have types already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import DataError
from workbench.sources.header import check_names, first_difference
from workbench.sources.opening import OpenedTable, Opening, SourceFile
from workbench.sources.paths import find_files

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.clients.sources import ParquetSource

__all__ = ["open_table"]


def open_table(source: ParquetSource, opening: Opening) -> OpenedTable:
    """Open one file, or all files of a glob as one table.

    Raises:
        DataError: a file is not Parquet, or has not the columns and types of the first.
    """
    files = find_files(source.path, opening)
    first = _schema(files[0], opening)
    check_names(first.names, f"{opening.where}, {files[0].name}")
    for path in files[1:]:
        schema = _schema(path, opening)
        if not schema.equals(first):
            different = first_difference(list(schema), list(first))
            raise DataError(
                f"the columns are not those of {files[0].name}: '{different.name}' differs in name or type",
                where=f"{opening.where}, {path.name}",
                hint="all files of one table have one schema; give the others a table of their own",
            )
    return OpenedTable(opening.connection.read_parquet(files), tuple(SourceFile.of(path) for path in files))


def _schema(path: Path, opening: Opening) -> pa.Schema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            "is not a whole Parquet file",
            where=f"{opening.where}, {path.name}",
            hint="fetch the file again, or correct `path` in client.yml",
        ) from error
