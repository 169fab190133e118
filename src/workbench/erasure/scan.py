"""The proof: every file of the project is searched for what must be gone, databases, tables and archives inside too."""

from __future__ import annotations

import gzip
import mmap
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.erasure.needle import Needle
from workbench.erasure.rows import columns_of, tables_of

__all__ = ["SKIPPED", "Hit", "Proof", "hits_in", "scan"]

SKIPPED = frozenset(
    {
        ".git",
        ".venv",
        ".venv-airflow",
        ".venv-exports",
        ".venv-kfp",
        ".venv-spark",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
    }
    | {".import_linter_cache", "node_modules", "certificates"}
)
"""Folders that are not searched: git's history, installed packages, tools' caches, and the certificates themselves."""

LARGEST_UNPACKED = 2**32
PIECE, OVERLAP = 2**20, 2**12


@dataclass(frozen=True)
class Hit:
    """Where something was found: the file, and the column, table or member in it."""

    path: str
    inside: str

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


@dataclass
class Proof:
    """What a search found.

    Attributes:
        files: how many were searched.
        bytes: how many they have.
        left: what should be gone, and is not.
        mentions: what is not this erasure's to change: code under version control, another client's folders.
    """

    files: int = 0
    bytes: int = 0
    left: list[Hit] = field(default_factory=list)
    mentions: list[Hit] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"not_searched": sorted(SKIPPED)}


def scan(project: Path, needle: Needle, *, is_mention: Callable[[Path], bool], except_for: frozenset[Path]) -> Proof:
    """Search all files of a project, and their names.

    Args:
        project: the project's folder.
        needle: what is searched for.
        is_mention: whether a hit in a path, relative to the project, is no fault.
        except_for: files that are not searched: the lock and the journal of the erasure itself.
    """
    proof = Proof()
    for path in _files(project):
        if path in except_for:
            continue
        relative = path.relative_to(project)
        proof.files, proof.bytes = proof.files + 1, proof.bytes + path.lstat().st_size
        named = [Hit(relative.as_posix(), "its name")] if needle.pattern.search(os.fsencode(relative)) else []
        hits = [*named, *(Hit(relative.as_posix(), inside) for inside in hits_in(path, needle))]
        (proof.mentions if is_mention(relative) else proof.left).extend(hits)
    return proof


def _files(project: Path) -> Iterator[Path]:
    """Files, links, and folders that are empty: their names may tell."""
    for folder, folders, files in os.walk(project):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.endswith(".egg-info"))
        yield from (Path(folder, name) for name in sorted(files))
        yield from (path for name in folders if (path := Path(folder, name)).is_symlink() or not any(path.iterdir()))


def hits_in(path: Path, needle: Needle) -> Iterator[str]:
    """Where in a file something was found."""
    if path.is_symlink():
        if needle.pattern.search(os.fsencode(path.readlink())):
            yield "the link"
        return
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb") as stream:
        start = stream.read(16)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if needle.pattern.search(content):
                yield "the bytes"
    if start.startswith(b"PAR1"):
        yield from _in_parquet(path, needle)
    elif start.startswith(b"SQLite format 3\0"):
        yield from _in_sqlite(path, needle)
    elif start.startswith(b"\x1f\x8b"):
        yield from _in_gzip(path, needle)
    elif start.startswith(b"PK\x03\x04"):
        yield from _in_zip(path, needle)


def _in_parquet(path: Path, needle: Needle) -> Iterator[str]:
    """The columns of text, lists and structs; those of integers, if it may be one."""
    import duckdb

    from workbench.engines import connection

    engine = connection().con
    source = "read_parquet('" + str(path).replace("'", "''") + "')"
    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
        columns = {name: kind for name, kind, *_ in described if _may_hold(kind, needle)}
        if not columns:
            return
        counts = ", ".join(
            'count_if(regexp_matches(CAST("' + name.replace('"', '""') + '" AS VARCHAR), $1))' for name in columns
        )
        found = engine.execute(f"SELECT {counts} FROM {source}", [needle.re2]).fetchone()  # noqa: S608
    except duckdb.Error:
        yield "a Parquet file that cannot be read"
        return
    yield from (f"column {name}" for name, rows in zip(columns, found or (), strict=True) if rows)


def _may_hold(kind: str, needle: Needle) -> bool:
    return any(word in kind for word in ("VARCHAR", "STRUCT", "[", "MAP", "BLOB", "ENUM", "JSON", "UUID")) or (
        needle.is_number and "INT" in kind
    )


def _in_sqlite(path: Path, needle: Needle) -> Iterator[str]:
    """Row by row: a long value lies in pieces in the file."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            connection.create_function("hit", 1, lambda value: _is_in(value, needle), deterministic=True)
            for table in tables_of(connection):
                for column in columns_of(connection, table):
                    name = column.replace('"', '""')
                    query = f'SELECT 1 FROM "{table}" WHERE hit("{name}") LIMIT 1'  # noqa: S608
                    if connection.execute(query).fetchone():
                        yield f"{table}.{column}"
    except sqlite3.DatabaseError:
        yield "a database that cannot be read"


def _is_in(value: object, needle: Needle) -> bool:
    if value is None or isinstance(value, float) or (isinstance(value, int) and not needle.is_number):
        return False
    content = value if isinstance(value, bytes) else str(value).encode()
    return needle.pattern.search(content) is not None


def _in_gzip(path: Path, needle: Needle) -> Iterator[str]:
    try:
        with gzip.open(path) as stream:
            if _in_stream(stream, needle):
                yield "what it unpacks to"
    except (OSError, EOFError):
        yield "an archive that cannot be read"


def _in_zip(path: Path, needle: Needle) -> Iterator[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as stream:
                    if _in_stream(stream, needle):
                        yield f"member {member}"
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        yield "an archive that cannot be read"


def _in_stream(stream: Any, needle: Needle) -> bool:
    tail, read = b"", 0
    while piece := stream.read(PIECE):
        read += len(piece)
        if needle.pattern.search(tail + piece):
            return True
        if read > LARGEST_UNPACKED:
            return True  # cannot be told, and nobody shall be told that it is clean
        tail = piece[-OVERLAP:]
    return False
