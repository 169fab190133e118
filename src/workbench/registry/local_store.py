"""The embedded MLflow store of a project: one SQLite file, and a folder of artifacts beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from workbench.files import durable_file

__all__ = ["artifacts", "database", "flush", "flush_less", "prepare", "relocate", "uri"]

_PATHS = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Table to columns in which MLflow keeps absolute paths of artifacts."""


def artifacts(project: Path) -> Path:
    """Where the artifacts lie."""
    return project / ".mlflow" / "artifacts"


def uri(project: Path) -> str:
    """The address of the database, for MLflow."""
    return f"sqlite:///{database(project)}"


def prepare(project: Path) -> None:
    """Make the database if there is none, and make its paths those of the project.

    MLflow writes its schema in hundreds of statements: two processes that begin at once collide, and one that is killed
    leaves half of a schema. So it is written beside, by one process at a time, and takes its name when it is whole.
    """
    path = database(project)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            if not path.exists():
                _create(path, artifacts(project))
    relocate(path, artifacts(project))


def flush_less() -> None:
    """From now on, do not wait for the device at each of the dozens of commits of a run; :func:`flush` does it once.

    In WAL mode the file is whole whatever happens (sqlite.org/pragma.html#pragma_synchronous), and a process that is
    killed loses nothing. When the power fails, the last commits of a run that goes on may be lost.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _flush_at_checkpoints):
        event.listen(Engine, "connect", _flush_at_checkpoints)


def flush(project: Path) -> None:
    """Have all that was committed on the device."""
    for path in (database(project), Path(f"{database(project)}-wal")):
        with suppress(FileNotFoundError), path.open("rb") as stream:
            os.fsync(stream.fileno())


def _flush_at_checkpoints(connection: object, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = NORMAL")


def database(project: Path) -> Path:
    """The file that holds all but the artifacts."""
    return project / ".mlflow" / "mlflow.db"


def _create(database: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    with durable_file(database) as staging:
        # One flush at the end, by `durable_file`, in place of one a statement: a second instead of six.
        event.listen(Engine, "connect", _do_not_flush)
        try:
            SqlAlchemyStore(f"sqlite:///{staging}", str(artifacts)).engine.dispose()  # type: ignore[no-untyped-call]
        finally:
            event.remove(Engine, "connect", _do_not_flush)
        with closing(sqlite3.connect(staging)) as connection:
            # Kept in the file: readers, such as the UI, do not wait for a writer.
            connection.execute("PRAGMA journal_mode = WAL")


def _do_not_flush(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def relocate(database: Path, artifacts: Path) -> None:
    """After the project was moved or copied, let MLflow's absolute paths point to where it is now.

    Otherwise a copy would write into the artifacts of its original. All or nothing, in one transaction.
    """
    with closing(sqlite3.connect(database, timeout=20, isolation_level=None)) as connection:
        if _root(connection) in {None, str(artifacts)}:
            return
        connection.execute("BEGIN IMMEDIATE")
        old = _root(connection)
        if old not in {None, str(artifacts)}:
            for table, columns in _PATHS.items():
                for column in columns:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names of our own
                        f"WHERE substr({column}, 1, ?) = ?",
                        (str(artifacts), len(str(old)) + 1, len(str(old)) + 1, f"{old}/"),
                    )
        connection.execute("COMMIT")


def _root(connection: sqlite3.Connection) -> str | None:
    """The folder of artifacts that the database knows: MLflow gives its experiment 0 ``<root>/0`` at the start."""
    row = connection.execute("SELECT artifact_location FROM experiments WHERE experiment_id = 0").fetchone()
    return str(Path(row[0]).parent) if row and row[0] else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The kernel lets go of the lock when its holder dies, however that happens.
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
