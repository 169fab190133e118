"""MLflow's runs and registry entries of one client: as a database of its own, and back into another's."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from workbench.erasure.databases import mlflow
from workbench.erasure.rows import Root, columns_of, erase, tables_of
from workbench.errors import Busy, ConfigurationError, DataError
from workbench.registry import local_store
from workbench.registry.store import open_store

__all__ = ["ELSEWHERE", "Renaming", "alone", "merge", "new_ids"]

ELSEWHERE = Path("/workbench")
"""Where the artifacts of an archived database claim to lie; the first one who opens it makes that where they do."""

STATIC = frozenset({"alembic_version", "workspaces"})
IDS = {"runs": "run_uuid", "logged_models": "model_id", "datasets": "dataset_uuid", "inputs": "input_uuid"}

Renaming = Callable[[str], str]


def alone(project: Path, client: str, target: Path) -> bool:
    """Write a database with the runs, models and versions of one client, and of nobody else.

    Returns:
        False, and nothing is written, if the project has no store.
    """
    source = mlflow(project)
    if not source.exists():
        return False
    reading = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=20)
    with closing(reading), closing(sqlite3.connect(target)) as copy:
        reading.backup(copy)
    names = (client, f"{client}-tune")
    others = "SELECT experiment_id FROM experiments WHERE name <> ? AND experiment_id <> 0"
    loose = "source_id NOT IN (SELECT dataset_uuid FROM datasets) AND source_type = 'DATASET'"
    erase(
        target,
        [
            Root("runs", "experiment_id NOT IN (SELECT experiment_id FROM experiments WHERE name = ?)", (client,)),
            *(Root(table, f"experiment_id IN ({others})", (client,)) for table in _of_experiments(target)),
            Root("registered_models", "name NOT IN (?, ?)", names),
            *(Root(table, "1", ()) for table in ("webhooks", "secrets", "jobs", "job_locks", "budget_policies")),
            Root("inputs", loose, ()),
            Root("input_tags", "input_uuid NOT IN (SELECT input_uuid FROM inputs)", ()),
        ],
    )
    local_store.relocate(target, local_store.artifacts(ELSEWHERE))
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
        copy.execute("VACUUM")
    return True


def _of_experiments(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        tables = [table for table in tables_of(connection) if "experiment_id" in columns_of(connection, table)]
    return [*(table for table in tables if table != "experiments"), "experiments"]


def new_ids(database: Path, salt: str) -> dict[str, str]:
    """Another id for each run, model and dataset of an archive: two clients may come of one."""
    with closing(sqlite3.connect(database)) as connection:
        known = {str(row[0]) for table, column in IDS.items()
                 for row in connection.execute(f"SELECT {column} FROM {table}")}  # noqa: S608 # fmt: skip
    return {one: ("m-" if one.startswith("m-") else "") + _digest(salt + one) for one in known}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def renaming(ids: dict[str, str]) -> Renaming:
    """Replaces the ids in a text."""
    if not ids:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, sorted(ids))))
    return lambda text: pattern.sub(lambda found: ids[found[0]], text)


def merge(project: Path, database: Path, old: str, new: str, rename: Renaming) -> None:
    """Insert an archive's rows into the project's store, in one transaction: all of them, or none.

    Raises:
        ConfigurationError: the store has another schema.
        DataError: the store has one of the runs, or a model of that name, already.
        Busy: the store is in use.
    """
    open_store(project)  # makes it, if there is none
    local_store.relocate(database, local_store.artifacts(project))
    with _attached(mlflow(project), database) as connection:
        here = connection.execute("SELECT version_num FROM main.alembic_version").fetchone()
        if here != connection.execute("SELECT version_num FROM given.alembic_version").fetchone():
            raise ConfigurationError(
                "the archive's MLflow store has another schema than this project's",
                where=f"client {new}",
                hint="import it with the workbench and the MLflow that its constraints.txt names",
            )
        tables = [table for table in tables_of(connection) if table not in STATIC]
        experiment = connection.execute("SELECT max(experiment_id) + 1 FROM main.experiments").fetchone()[0]
        place = f"{local_store.artifacts(project)}/"
        for table in tables:
            columns = columns_of(connection, table)
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join("?" * len(columns))
            for row in _rows(connection, table, columns):
                values = [
                    _renamed(value, column, table, old, new, rename, place)
                    for column, value in zip(columns, row, strict=True)
                ]
                if "experiment_id" in columns:
                    values[columns.index("experiment_id")] = experiment
                connection.execute(f'INSERT INTO main."{table}" ({names}) VALUES ({marks})', values)  # noqa: S608


def _rows(connection: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    where = " WHERE experiment_id <> 0" if "experiment_id" in columns else ""
    yield from connection.execute(f'SELECT * FROM given."{table}"{where}').fetchall()  # noqa: S608


def _renamed(  # noqa: PLR0917
    value: Any, column: str, table: str, old: str, new: str, rename: Renaming, place: str
) -> Any:
    if not isinstance(value, str):
        return value
    text = rename(value)
    if text.startswith(f"{place}{old}/") or text == f"{place}{old}":
        return place + new + text[len(place) + len(old) :]
    is_name = column == "name" and table in {"experiments", *_MODEL_TABLES}
    if is_name and text in {old, f"{old}-tune"}:
        return new + text[len(old) :]
    return new if table in {"tags", "model_version_tags"} and column == "value" and text == old else text


_MODEL_TABLES = (
    "registered_models", "registered_model_tags", "registered_model_aliases", "model_versions", "model_version_tags",
)  # fmt: skip


@contextmanager
def _attached(database: Path, given: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(database, timeout=20, isolation_level=None)) as connection:
            connection.execute("ATTACH ? AS given", (str(given),))
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.IntegrityError as error:
        raise DataError(
            f"its runs or models are in this project's store already ({error})",
            where=str(database),
            hint="import it under another name: --as <new id>",
        ) from error
    except sqlite3.OperationalError as error:
        raise Busy(f"the store cannot be used ({error})", where=str(database), hint="try again") from error
