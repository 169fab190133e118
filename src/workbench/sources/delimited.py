"""Read CSV files into text columns, and keep the lines that are no rows.

DuckDB's parser does the work, with nothing left for it to guess: the header is read and checked here, and the columns
are handed over by position, so that no name, however hostile, gets into its options. A line that cannot be split into
the columns is kept as it stands, for the quarantine.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError
from workbench.sources.header import first_difference, read_header
from workbench.sources.opening import LINE, PROBLEM, OpenedTable, Opening, SourceFile
from workbench.sources.text import as_utf8
from workbench.sources.unpack import unpack

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from workbench.clients.sources import CsvSource, PackageCsvSource

__all__ = ["MAX_LINE_BYTES", "read_delimited"]

MAX_LINE_BYTES = 2_000_000
"""The longest line, line ends inside quotes included."""

_SHOWN_BYTES = 10_000
"""Of a line that it rejects, the engine keeps so many bytes."""
_PROBLEMS = {
    "MISSING COLUMNS": "line has too few values",
    "TOO MANY COLUMNS": "line has too many values",
    "UNQUOTED VALUE": "line has text after a closing quote",
}


def read_delimited(files: list[Path], source: CsvSource | PackageCsvSource, opening: Opening) -> OpenedTable:
    """Read files with one header into one table, in their order.

    Raises:
        DataError: a file is not what :mod:`workbench.sources` takes; the headers differ; a quote is never closed.
    """
    header: list[str] = []
    plain: list[Path] = []
    for path in files:
        where = f"{opening.where}, {path.name}"
        folder = opening.folder()
        text = as_utf8(unpack(path, folder, where), source.encoding, source.delimiter, folder, where)
        names = read_header(text, source.delimiter, where)
        header = header or names
        if names != header:
            raise DataError(
                f"the header is not that of {files[0].name}: column '{first_difference(names, header)}' differs",
                where=where,
                hint="all files of one table have one header; give the others a table of their own",
            )
        plain.append(text)
    rows = _read(plain, header, source, opening)
    return OpenedTable(rows, tuple(SourceFile.of(path) for path in files))


def _read(files: list[Path], header: list[str], source: CsvSource | PackageCsvSource, opening: Opening) -> ir.Table:
    connection = opening.connection
    token = uuid.uuid4().hex
    rejects = f"rejects_{token}"
    view = connection.read_csv(
        [str(path) for path in files],
        table_name=f"csv_{token}",
        columns={f"c{position}": "VARCHAR" for position in range(len(header))},
        delim=source.delimiter,
        quote='"',
        escape='"',
        header=True,
        nullstr=sorted({"", *source.null_values}),
        strict_mode=True,
        max_line_size=MAX_LINE_BYTES,
        store_rejects=True,
        rejects_table=rejects,
        rejects_scan=f"scans_{token}",
    )
    rows = view.rename({name: f"c{position}" for position, name in enumerate(header)})
    folder = opening.folder()
    try:
        # Read once: rows and rejected lines then belong together, and what follows reads columns and not text.
        connection.to_parquet(rows, folder / "rows.parquet", compression="snappy")
        _raise_for_open_quotes(connection.table(rejects), files, opening)
        connection.to_parquet(_lines(connection.table(rejects)), folder / "lines.parquet")
    finally:
        connection.drop_view(f"csv_{token}", force=True)
        for table in (rejects, f"scans_{token}"):
            connection.drop_table(table, force=True)
    return connection.read_parquet([folder / "rows.parquet", folder / "lines.parquet"], union_by_name=True)


def _lines(rejects: ir.Table) -> ir.Table:
    """One row a rejected line (the engine writes one a surplus value), in the order of the files."""
    problem: Any = rejects.error_type.cast("string")
    first = rejects.group_by("file_id", "line").aggregate(**{PROBLEM: problem.min(), LINE: rejects.csv_line.min()})
    named = first.mutate(**{PROBLEM: first[PROBLEM].cases(*_PROBLEMS.items(), else_="line cannot be read")})
    return named.order_by("file_id", "line").select(PROBLEM, LINE)


def _raise_for_open_quotes(rejects: ir.Table, files: list[Path], opening: Opening) -> None:
    """A quote that is never closed swallows the lines after it: they must not count as one bad row."""
    swallowing = rejects.filter(
        (rejects.error_type.cast("string") == "LINE SIZE OVER MAXIMUM")
        | rejects.csv_line.contains("\n")
        | (rejects.csv_line.length() >= _SHOWN_BYTES)
    )
    found = swallowing.aggregate(line=swallowing.line.min()).to_pyarrow()["line"][0].as_py()
    if found is not None:
        raise DataError(
            f"line {found} opens a quote that is not closed, or is longer than {MAX_LINE_BYTES:,} bytes",
            where=f"{opening.where}, {files[0].name}" if len(files) == 1 else opening.where,
            hint="close the quote, or write it twice where it stands inside a quoted value",
        )
