"""Files that a client's tables come from: a subject's records are left out, all others stay byte for byte."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from workbench.clients import ClientRegistry
from workbench.clients.sources import CsvSource, ParquetSource
from workbench.erasure.subject import Subject
from workbench.errors import DataError
from workbench.files import durable_file

__all__ = ["csv_files", "records_of", "renames", "rewrite_csv"]

csv.field_size_limit(2**30)


def csv_files(project: Path, client: str) -> dict[Path, tuple[str, CsvSource]]:
    """The CSV files below the client's data, each with its table and how it is read."""
    return {path: (table, source) for path, table, source in _own(project, client) if isinstance(source, CsvSource)}


def renames(project: Path, client: str) -> dict[Path, dict[str, str]]:
    """The Parquet files below the client's data that are sources: column here to column in the file."""
    return {path: source.rename for path, _, source in _own(project, client) if isinstance(source, ParquetSource)}


def records_of(path: Path, table: str, source: CsvSource, subject: Subject) -> int:
    """How many records of a file are the subject's."""
    return sum(mine for _, mine in _records(path, table, source, subject))


def rewrite_csv(path: Path, table: str, source: CsvSource, subject: Subject) -> None:
    """Write the file without them.

    Raises:
        DataError: it is packed as ``.zip``, or cannot be read as client.yml says.
    """
    with durable_file(path) as staging, _open(staging, source, "wt", like=path) as out:
        for text, mine in _records(path, table, source, subject):
            if not mine:
                out.write(text)


def _own(project: Path, client: str) -> Iterator[tuple[Path, str, Any]]:
    root = project / "data" / client
    for table, source in ClientRegistry(project).load(client).sources.items():
        pattern = getattr(source, "path", "")
        for path in project.glob(pattern) if pattern and ".." not in Path(pattern).parts else ():
            if path.is_relative_to(root) and path.is_file():
                yield path, table, source


def _records(path: Path, table: str, source: CsvSource, subject: Subject) -> Iterator[tuple[str, bool]]:
    """The text of each record, and whether it is the subject's; the header is nobody's."""
    read: list[str] = []
    try:
        with _open(path, source, "rt", like=path) as stream:
            rows = csv.reader(_remembered(stream, read), delimiter=source.delimiter)
            header = next(rows, [])
            yield _taken(read), False
            is_mine = _judge(table, header, source, subject)
            for row in rows:
                yield _taken(read), is_mine(row)
    except (UnicodeError, csv.Error, EOFError, OSError) as error:
        raise DataError(
            f"cannot be read to its end ({type(error).__name__})",
            where=f"client {subject.client}, {path}",
            hint="replace the file by one without the subject, and give the command again",
        ) from error


def _judge(table: str, header: list[str], source: CsvSource, subject: Subject) -> Callable[[list[str]], bool]:
    here = {old: new for new, old in source.rename.items()}
    names = [here.get(name, name) for name in (text.removeprefix("\ufeff") for text in header)]
    wanted = {name for owner, name in subject.columns if owner in {None, table}}
    places = [place for place, name in enumerate(names) if name in wanted]

    def is_mine(row: list[str]) -> bool:
        # A record with another number of cells is one that no column can be told of.
        cells = [row[place] for place in places] if len(row) == len(names) else row if wanted else []
        return any(_canonical(cell, subject) == subject.value for cell in cells)

    return is_mine


def _canonical(cell: str, subject: Subject) -> str:
    text = cell.strip()
    try:
        return str(int(text)) if subject.whole_number else text
    except ValueError:
        return text


def _remembered(stream: IO[str], read: list[str]) -> Iterator[str]:
    for line in stream:
        read.append(line)
        yield line


def _taken(read: list[str]) -> str:
    text = "".join(read)
    read.clear()
    return text


@contextmanager
def _open(path: Path, source: CsvSource, mode: Any, *, like: Path) -> Iterator[IO[str]]:
    if like.suffix == ".zip":
        raise DataError(
            "is a .zip, which is not rewritten",
            where=str(like),
            hint="replace it by one without the subject, and give the command again",
        )
    if like.suffix == ".gz":
        with gzip.open(path, mode, encoding=source.encoding, newline="") as stream:
            yield stream
    else:
        with path.open(mode, encoding=source.encoding, newline="") as plain:
            yield plain
