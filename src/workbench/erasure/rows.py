"""Rows of a SQLite database and all that hangs on them, deleted so that their bytes are gone.

A database deletes by setting a mark, or by putting a page on its free list; the bytes stay in the file. Here they are
overwritten (``secure_delete``), the file is written anew (``VACUUM``), and the write-ahead log is emptied.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import Busy, ConfigurationError
from workbench.scratch import private_folder

__all__ = ["Root", "columns_of", "count", "erase", "tables_of"]

BUSY_SECONDS = 20.0


@dataclass(frozen=True)
class Root:
    """Rows from which the deletion starts; rows that refer to them by a foreign key go before them."""

    table: str
    where: str
    values: tuple[object, ...]


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """The names of all tables but SQLite's own."""
    return [
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        if not row[0].startswith("sqlite_")
    ]


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of the columns of a table; none if there is no such table."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(table)})")]


def count(database: Path, roots: Sequence[Root]) -> Counter[str]:
    """How many rows of each table would go: they are deleted in a copy, which is thrown away."""
    if not database.exists():
        return Counter()
    with private_folder("erasure") as scratch, _explained(database):
        source = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        with closing(source), closing(sqlite3.connect(Path(scratch, "copy.db"), isolation_level=None)) as copy:
            source.backup(copy)
            return _delete(copy, roots)


def erase(database: Path, roots: Sequence[Root]) -> Counter[str]:
    """Delete the rows in one transaction, and what is left of them in the file after it.

    A second call does the latter again, since the first may have been killed in between.

    Raises:
        Busy: somebody else has been using the database for too long.
        ConfigurationError: it is no database, or may not be written.
    """
    if not database.exists():
        return Counter()
    with (
        _explained(database),
        closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as connection,
    ):
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        try:
            counts = _delete(connection, roots)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise Busy("another process reads the database, so its log cannot be emptied", where=str(database),
                       hint="close `kedro mlflow ui` and notebooks, and give the command again")  # fmt: skip
    return counts


def _delete(connection: sqlite3.Connection, roots: Sequence[Root]) -> Counter[str]:
    tables = tables_of(connection)
    references = {table: list(_references(connection, table)) for table in tables}
    counts: Counter[str] = Counter()

    def walk(table: str, where: str, values: tuple[object, ...], above: tuple[str, ...]) -> None:
        for child in tables:
            for parent, inner, outer, action in references[child]:
                if parent != table or child in above:
                    continue
                # Names come from the database's own catalog; the values are bound.
                chosen = f"({inner}) IN (SELECT {outer} FROM {_quoted(table)} WHERE {where})"  # noqa: S608
                if action == "SET NULL":
                    connection.execute(f"UPDATE {_quoted(child)} SET {inner} = NULL WHERE {chosen}", values)  # noqa: S608
                else:
                    walk(child, chosen, values, (*above, table))
        counts[table] += connection.execute(f"DELETE FROM {_quoted(table)} WHERE {where}", values).rowcount  # noqa: S608

    for root in roots:
        if root.table in tables:
            walk(root.table, root.where, root.values, ())
    return +counts


def _references(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str, str, str]]:
    """Of each foreign key: the table that it refers to, columns here, columns there, and what a deletion does."""
    keys: dict[int, list[tuple[str, str, str | None, str]]] = {}
    for row in connection.execute(f"PRAGMA foreign_key_list({_quoted(table)})"):
        keys.setdefault(row[0], []).append((row[2], row[3], row[4], row[6]))
    for parts in keys.values():
        parent = parts[0][0]
        primary = [row[1] for row in connection.execute(f"PRAGMA table_info({_quoted(parent)})") if row[5]]
        there = [part[2] or primary[position] for position, part in enumerate(parts)]
        yield parent, ", ".join(_quoted(part[1]) for part in parts), ", ".join(map(_quoted, there)), parts[0][3]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _explained(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Busy(
                "another process has been writing for too long", where=str(database), hint="try again"
            ) from error
        raise ConfigurationError(f"cannot be used ({error})", where=str(database)) from error
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(f"is not a whole database ({error})", where=str(database)) from error
