"""From what a person names with ``--from`` to files of the project, and the source that reads them."""

from __future__ import annotations

import csv
import io
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import ConfigurationError, DataError
from workbench.files import durable_file
from workbench.sources.unpack import PACKED, opened

__all__ = ["LANDING", "Origin", "bring", "find_tables", "landing", "path_in", "settings_of", "source_of", "table_name"]

LANDING = "00_landing"
"""Folder below a client's data for files that lay outside of the project when the client was taken on."""

KINDS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}
START_BYTES = 262_144


@dataclass(frozen=True)
class Origin:
    """One table, where it lies now.

    Attributes:
        table: its name here: an identifier made of the file's name.
        path: the file.
        kind: ``csv``, ``parquet`` or ``database``.
        database: the other settings of a source of that last kind; then the path is that of a SQLite file, or nothing.
    """

    table: str
    path: Path
    kind: str
    database: dict[str, Any] = field(default_factory=dict)


def find_tables(given: Path) -> list[Origin]:
    """The tables that a file or a folder holds, sorted by name.

    Raises:
        DataError: there is no such file, or nothing in it that can be read.
    """
    if not given.exists():
        raise DataError(f"there is no '{given}'", hint="give a CSV or Parquet file, or a folder of them")
    files = sorted(path for path in given.iterdir() if path.is_file()) if given.is_dir() else [given]
    found = [Origin(_table_name(path), path, kind) for path in files if (kind := _kind(path))]
    if not found:
        raise DataError(
            f"'{given}' holds no table that can be read",
            tried=", ".join([*KINDS, *PACKED]),
            hint="give a CSV or Parquet file, or a folder of them",
        )
    names = [one.table for one in found]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"two files of '{given}' would be table '{name}'", hint="rename one of them")
    return found


def bring(origin: Origin, project: Path, client: str) -> str:
    """The path of the file relative to the project; a file from outside is copied into the client's own data first."""
    if _is_on_a_server(origin):
        return ""
    resolved = origin.path.resolve()
    root = project.resolve()
    if resolved.is_relative_to(root):
        relative = resolved.relative_to(root)
        if relative.parts[0] == "data" and len(relative.parts) > 2 and relative.parts[1] != client:
            raise ConfigurationError(
                f"'{relative}' is another client's", where=f"client {client}", hint="bring a file of the client's own"
            )
        return relative.as_posix()
    target = landing(origin, client)
    with durable_file(project / target) as staging:
        if origin.kind == "database":
            _copy_sqlite(resolved, staging)
        else:
            shutil.copyfile(resolved, staging)
    return target.as_posix()


def path_in(origin: Origin, project: Path, client: str) -> Path:
    """Where the file lies, or will lie, relative to the project."""
    resolved, root = origin.path.resolve(), project.resolve()
    return resolved.relative_to(root) if resolved.is_relative_to(root) else landing(origin, client)


def source_of(origin: Origin, path: Path, where: str = "") -> dict[str, Any]:
    """The settings of the source that reads it, from a path relative to the project; see :func:`settings_of`."""
    if origin.kind != "database":
        return {"kind": origin.kind, "path": path.as_posix()} | settings_of(origin, where)
    url = {} if _is_on_a_server(origin) else {"url": f"sqlite:///{path.as_posix()}"}
    return {"kind": origin.kind} | origin.database | url


def _is_on_a_server(origin: Origin) -> bool:
    return origin.kind == "database" and not origin.database["url"].startswith("sqlite:")


def _copy_sqlite(source: Path, target: Path) -> None:
    """One state of a database that others may be writing, as SQLite's own backup gives it."""
    import sqlite3
    from contextlib import closing

    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=20)
    with closing(reading), closing(sqlite3.connect(target)) as copy:
        reading.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def landing(origin: Origin, client: str) -> Path:
    """Where a file from outside is copied to, relative to the project."""
    return Path("data", client, LANDING, re.sub(r"[^A-Za-z0-9._-]", "_", origin.path.name))


def settings_of(origin: Origin, where: str = "") -> dict[str, str]:
    """What a CSV reader must be told, from the first 256 KiB: ``delimiter`` and ``encoding``, but for the defaults.

    Raises:
        DataError: the file is packed and cannot be unpacked; ``where`` begins the sentence.
    """
    if origin.kind != "csv":
        return {}
    with opened(origin.path, where or origin.path.name) as stream:
        start = stream.read(START_BYTES)
    encoding = _encoding(start)
    text = start.decode("utf-8-sig" if encoding == "utf-8" else encoding, "ignore")
    delimiter = _delimiter(text)
    found = {} if delimiter == "," else {"delimiter": delimiter}
    return found if encoding == "utf-8" else found | {"encoding": encoding}


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or 0 in start[:2]:
        return "utf-16"
    try:
        start[: max(0, len(start) - 4)].decode("utf-8")  # the last character may be cut in two
    except UnicodeDecodeError:
        # From 0x80 to 0x9f, Latin-1 has control characters, and Windows' code page quotes, dashes and the euro.
        return "windows-1252" if re.search(rb"[\x80-\x9f]", start) else "latin-1"
    return "utf-8"


def _delimiter(text: str) -> str:
    """The mark that parts the header into most columns, and the lines after it into as many."""
    lines = text.splitlines()[:50]
    if not lines:
        return ","

    def columns(mark: str) -> int:
        try:
            rows = [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark) if row]
        except csv.Error:  # a cell beyond the reader's bound tells nothing
            return 1
        return rows[0] if rows and all(count == rows[0] for count in rows[:-1]) else 1

    return max([",", ";", "\t", "|"], key=columns)


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    for packed in PACKED:
        name = name.removesuffix(packed)
    return KINDS.get(Path(name).suffix) if not path.name.startswith((".", "_")) else None


def _table_name(path: Path) -> str:
    return table_name(path.name.split(".")[0])


def table_name(stem: str) -> str:
    """An identifier made of the name of a file or of a table."""
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return name if re.match(r"[a-z]", name) else f"table_{name}".rstrip("_")
