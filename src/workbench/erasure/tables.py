"""A subject's rows, deleted from a client's tables by the engine; each table is written anew, durably."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engines import connection
from workbench.engines.duckdb import ROW_GROUP_ROWS, ZSTD_LEVEL
from workbench.erasure.subject import Subject, canonical, literal, quoted, tables_of
from workbench.errors import DataError
from workbench.files import durable_file

__all__ = ["Affected", "affected", "keys_of", "rewrite"]


@dataclass(frozen=True)
class Affected:
    """A table with rows of the subject.

    Attributes:
        path: the Parquet file.
        condition: SQL that is true for its rows.
        rows: how many there are.
        is_linked: whether they are found by the client's key only, in tables that have the subject's own column.
    """

    path: Path
    condition: str
    rows: int
    is_linked: bool


def affected(project: Path, subject: Subject, renames: Mapping[Path, Mapping[str, str]]) -> list[Affected]:
    """The tables that hold the subject, in the order in which they may be rewritten.

    Those that are linked come first: once the others are rewritten, nothing says any more whose their rows were.

    Args:
        project: the project's folder.
        subject: whom to find.
        renames: of files from outside: column here to column in the file.
    """
    tables = {path: _columns(path) for path in tables_of(project, subject.client)}
    direct: dict[Path, str] = {}
    for path, columns in tables.items():
        names = {old: new for new, old in renames.get(path, {}).items()}
        condition = subject.condition(path, [names.get(name, name) for name in columns])
        if condition is not None:
            for old, new in names.items():
                condition = condition.replace(quoted(new), quoted(old))
            direct[path] = condition
    linking = [path for path in direct if set(subject.key) <= set(tables[path]) and not _is_key(path, subject)]
    keys = _linked_keys(subject, {path: direct[path] for path in linking})
    linked = {path: keys for path, columns in tables.items() if keys and _is_linked(path, columns, subject)}
    found = [Affected(path, condition, _count(path, condition), is_linked=True) for path, condition in linked.items()]
    found += [
        Affected(path, condition, _count(path, condition), is_linked=False)
        for path, condition in direct.items()
        if path not in linked
    ]
    return [one for one in found if one.rows]


def keys_of(project: Path, subject: Subject) -> set[tuple[str, ...]]:
    """The client's keys of the subject's rows, as texts: tables without the subject's column refer to it by them."""
    found: set[tuple[str, ...]] = set()
    for path in tables_of(project, subject.client):
        columns = _columns(path)
        condition = subject.condition(path, columns)
        if condition is None or not set(subject.key) <= set(columns) or _is_key(path, subject):
            continue
        chosen = ", ".join(f"trim(CAST({quoted(name)} AS VARCHAR))" for name in subject.key)
        rows = _run(path, f"SELECT DISTINCT {chosen} FROM {_source(path)} WHERE {condition}")  # noqa: S608
        found |= {row for row in rows if all(value is not None for value in row)}
    return found


def rewrite(one: Affected) -> None:
    """Write the table without the subject's rows, in the same order, with the same metadata."""
    rows = _run(one.path, f"SELECT key, value FROM parquet_kv_metadata({literal(str(one.path))})")  # noqa: S608
    kept = {bytes(key).decode(): bytes(value).decode() for key, value in rows if bytes(key) != b"ARROW:schema"}
    metadata = ", ".join(f"{quoted(key)}: {literal(value)}" for key, value in kept.items())
    with durable_file(one.path) as staging:
        options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {ZSTD_LEVEL}, ROW_GROUP_SIZE {ROW_GROUP_ROWS}"
        options += f", KV_METADATA {{{metadata}}}" if kept else ""
        query = f"SELECT * FROM {_source(one.path)} WHERE NOT coalesce({one.condition}, false)"  # noqa: S608
        _run(one.path, f"COPY ({query}) TO {literal(str(staging))} ({options})")


def _is_key(path: Path, subject: Subject) -> bool:
    """Whether the subject's column is the client's key itself: then every table that has it is found by it."""
    return set(subject.key) <= {name for table, name in subject.columns if table in {None, path.stem}}


def _is_linked(path: Path, columns: list[str], subject: Subject) -> bool:
    return set(subject.key) <= set(columns) and not subject.named(path, columns)


def _linked_keys(subject: Subject, linking: Mapping[Path, str]) -> str | None:
    if not linking:
        return None
    names = ", ".join(canonical(name, whole_number=False) for name in subject.key)
    parts = [f"SELECT {names} FROM {_source(path)} WHERE {condition}" for path, condition in linking.items()]  # noqa: S608
    return f"({names}) IN ({' UNION '.join(parts)})"


def _columns(path: Path) -> list[str]:
    return [row[0] for row in _run(path, f"DESCRIBE SELECT * FROM {_source(path)}")]  # noqa: S608


def _count(path: Path, condition: str) -> int:
    return int(_run(path, f"SELECT count(*) FROM {_source(path)} WHERE {condition}")[0][0])  # noqa: S608


def _source(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _run(path: Path, query: str) -> list[Any]:
    import duckdb

    try:
        rows: list[Any] = connection().con.execute(query).fetchall()
    except duckdb.Error as error:
        raise DataError(
            f"the table cannot be read ({type(error).__name__})",
            where=str(path),
            hint="nothing was erased from it; bring it back, or remove it, and give the command again",
        ) from error
    return rows
