"""The ledger's file: its tables, how an old one becomes a new one, and what SQLite's complaints mean to a person."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from workbench.errors import Busy, ConfigurationError

__all__ = ["connect", "kept_open", "transaction"]

BUSY_SECONDS = 20.0

MIGRATIONS = (
    """
    CREATE TABLE run (
        number        INTEGER PRIMARY KEY AUTOINCREMENT,
        client        TEXT    NOT NULL,
        pipeline      TEXT    NOT NULL,
        state         TEXT    NOT NULL
                      CHECK (state IN ('planned', 'running', 'succeeded', 'failed', 'cancelled', 'crashed')),
        partial       INTEGER NOT NULL DEFAULT 0,
        started       TEXT,
        finished      TEXT,
        seconds       REAL,
        pid           INTEGER NOT NULL,
        birth         TEXT    NOT NULL,
        host          TEXT    NOT NULL,
        mlflow_run    TEXT,
        git_commit    TEXT,
        config_digest TEXT,
        champion      INTEGER,
        metric        TEXT,
        value         REAL,
        error         TEXT,
        CHECK ((state IN ('planned', 'running')) = (finished IS NULL)),
        CHECK (state IN ('planned', 'cancelled') OR started IS NOT NULL)
    );
    CREATE INDEX run_by_cell ON run (client, pipeline, number, started);
    CREATE INDEX run_open ON run (number) WHERE finished IS NULL;
    """,
    """
    CREATE TABLE schedule (
        client TEXT NOT NULL,
        name   TEXT NOT NULL,
        since  TEXT NOT NULL,
        paused TEXT,
        PRIMARY KEY (client, name)
    );
    CREATE TABLE slot (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        client   TEXT    NOT NULL,
        schedule TEXT    NOT NULL,
        due      TEXT    NOT NULL,
        state    TEXT    NOT NULL CHECK (state IN ('planned', 'running', 'delivered', 'failed', 'skipped')),
        attempts INTEGER NOT NULL DEFAULT 0,
        started  TEXT,
        finished TEXT,
        pid      INTEGER,
        birth    TEXT,
        reason   TEXT,
        UNIQUE (client, schedule, due),
        CHECK ((state IN ('planned', 'running')) = (finished IS NULL)),
        CHECK ((state = 'running') = (pid IS NOT NULL))
    );
    CREATE INDEX slot_open ON slot (due) WHERE finished IS NULL;
    CREATE TABLE receipt (
        number      INTEGER PRIMARY KEY AUTOINCREMENT,
        slot        INTEGER NOT NULL REFERENCES slot (number),
        destination TEXT    NOT NULL,
        recipient   TEXT    NOT NULL,
        state       TEXT    NOT NULL CHECK (state IN ('sending', 'sent', 'failed', 'in doubt')),
        digest      TEXT    NOT NULL,
        templates   TEXT    NOT NULL,
        at          TEXT    NOT NULL,
        result      TEXT,
        UNIQUE (slot, destination, recipient)
    );
    """,
    """
    ALTER TABLE run ADD COLUMN ran INTEGER;
    ALTER TABLE run ADD COLUMN skipped INTEGER;
    ALTER TABLE run ADD COLUMN fleet INTEGER;
    CREATE TABLE done (
        client      TEXT    NOT NULL,
        node        TEXT    NOT NULL,
        fingerprint TEXT    NOT NULL,
        facts       TEXT    NOT NULL,
        outputs     TEXT    NOT NULL,
        run         INTEGER NOT NULL,
        seconds     REAL    NOT NULL,
        PRIMARY KEY (client, node)
    ) WITHOUT ROWID;
    CREATE TABLE digest (
        client TEXT NOT NULL,
        path   TEXT NOT NULL,
        stamps TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (client, path)
    ) WITHOUT ROWID;
    CREATE TABLE code (
        digest TEXT PRIMARY KEY,
        files  TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE run ADD COLUMN stage TEXT",
    """
    ALTER TABLE run ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE run ADD COLUMN error_kind TEXT CHECK (error_kind IN ('transient', 'terminal'));
    """,
    """
    CREATE TABLE resource (
        number    INTEGER PRIMARY KEY AUTOINCREMENT,
        client    TEXT    NOT NULL,
        target    TEXT    NOT NULL,
        kind      TEXT    NOT NULL,
        name      TEXT    NOT NULL,
        version   INTEGER,
        state     TEXT    NOT NULL CHECK (state IN ('planned', 'created', 'deleting', 'gone')),
        remote    TEXT    NOT NULL DEFAULT '',
        operation TEXT    NOT NULL DEFAULT '',
        facts     TEXT    NOT NULL DEFAULT '{}',
        planned   TEXT    NOT NULL,
        changed   TEXT    NOT NULL,
        UNIQUE (client, target, kind, name)
    );
    CREATE TABLE rollout (
        client     TEXT    NOT NULL,
        target     TEXT    NOT NULL,
        stable     INTEGER,
        candidate  INTEGER,
        previous   INTEGER,
        going_back INTEGER,
        operation  TEXT    NOT NULL DEFAULT '',
        changed    TEXT    NOT NULL,
        PRIMARY KEY (client, target)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE memory (
        client   TEXT    NOT NULL,
        version  INTEGER NOT NULL,
        peak_mib REAL    NOT NULL,
        measured TEXT    NOT NULL,
        PRIMARY KEY (client, version)
    ) WITHOUT ROWID;
    """,
    "ALTER TABLE run ADD COLUMN peak_mib REAL",
)
"""Number n takes a ledger from version n to n + 1. What was released is never changed, only added to."""


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to an up-to-date ledger, for one transaction or one query; the file is made if there is none.

    Connections are short-lived, because a process that holds one must not fork; :func:`kept_open` is for one that never
    does. Every commit is on the device before it returns (``synchronous=FULL``).

    Raises:
        Busy: another process has been writing for longer than twenty seconds.
        ConfigurationError: the file cannot be written, is not a ledger, or is a newer workbench's.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=FULL")
            _bring_up_to_date(connection, path)
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise _explained(error, path) from error


@contextmanager
def kept_open(path: Path) -> Iterator[None]:
    """Keep the write-ahead log of a ledger between the transactions of many processes.

    Who closes the last connection folds the log into the file and deletes it, and the next one makes it anew; each of
    that is flushed to the device.

    Raises:
        Busy, ConfigurationError: as :func:`connect`.
    """
    opened = connect(path)
    opened.__enter__()
    try:
        yield
    finally:
        # What happens meanwhile is not the ledger's, and none of its errors.
        opened.__exit__(None, None, None)


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """As :func:`connect`, for one transaction that writes: all of it, or nothing."""
    with connect(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            # A disk that is full makes SQLite roll back by itself, and a second time would hide why.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"the ledger has version {version}, and this workbench knows none above {len(MIGRATIONS)}",
            where=str(path),
            hint="use the newer workbench",
        )
    _write_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the right to write.
        for statements in MIGRATIONS[_version(connection) :]:
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for this lock as it does for others (sqlite.org/wal.html), so this does."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _explained(error: sqlite3.Error | OSError, path: Path) -> Busy | ConfigurationError:
    if _is_busy(error):
        return Busy("another process has been writing the ledger for too long", where=str(path), hint="try again")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return ConfigurationError(
            f"the run ledger is damaged ({error})", where=str(path), hint="move it away; the next run begins a new one"
        )
    return ConfigurationError(
        f"the run ledger cannot be used ({error})",
        where=str(path),
        hint="look if the disk is full, and if you may write there",
    )
