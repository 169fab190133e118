"""Which rows of MLflow's store and of the ledger are a client's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from workbench.erasure.rows import Root, columns_of, tables_of
from workbench.fleet.ledger import Ledger
from workbench.registry import local_store

__all__ = ["artifact_paths", "ledger", "ledger_roots", "log_numbers", "mlflow", "mlflow_roots", "receipts"]

AUDIT = "audit"
"""What begins so keeps what was done to whom, in a chain of hashes that a deletion would break."""

_EXPERIMENTS = "SELECT experiment_id FROM experiments WHERE name = ?"
_RUNS = (
    f"SELECT run_uuid FROM runs WHERE experiment_id IN ({_EXPERIMENTS}) "  # noqa: S608
    "OR run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'client' AND value = ?)"
)
_MODELS = f"SELECT model_id FROM logged_models WHERE experiment_id IN ({_EXPERIMENTS})"  # noqa: S608


def mlflow(project: Path) -> Path:
    """The file of MLflow's embedded store."""
    return Path(local_store.uri(project).removeprefix("sqlite:///"))


def ledger(project: Path) -> Path:
    """The file of the ledger."""
    return Ledger.of(project).path


def mlflow_roots(project: Path, client: str) -> list[Root]:
    """A client's experiment, runs that say they are the client's, and its registered models: all that refers to them.

    Some of MLflow's tables refer to others without a foreign key; they come first, while what they refer to is there.
    """
    with _reading(mlflow(project)) as connection:
        if connection is None:
            return []
        tables = {table: columns_of(connection, table) for table in tables_of(connection)}
    if "experiments" not in tables:
        return []
    ids, values = f"({_RUNS} UNION {_MODELS})", (client, client, client)
    either = f"source_id IN {ids} OR destination_id IN {ids}"
    roots = []
    if "inputs" in tables:
        chosen = f"input_uuid IN (SELECT input_uuid FROM inputs WHERE {either})"  # noqa: S608
        roots += [Root("input_tags", chosen, values * 2), Root("inputs", either, values * 2)]
    if "entity_associations" in tables:
        roots.append(Root("entity_associations", either, values * 2))
    roots += [Root("runs", f"run_uuid IN ({_RUNS})", (client, client))]
    roots += [
        Root(table, f"experiment_id IN ({_EXPERIMENTS})", (client,))
        for table, columns in tables.items()
        if "experiment_id" in columns and table != "experiments"
    ]
    # No client id holds a hyphen: `<client>-tune` is the client's tuned language model.
    names = (client, f"{client}-tune")
    return [*roots, Root("experiments", "name = ?", (client,)), Root("registered_models", "name IN (?, ?)", names)]


def ledger_roots(project: Path, client: str) -> list[Root]:
    """The rows of every table of the ledger that names a client, but for the audit log's."""
    with _reading(ledger(project)) as connection:
        if connection is None:
            return []
        return [
            Root(table, "client = ?", (client,))
            for table in tables_of(connection)
            if "client" in columns_of(connection, table) and not table.startswith(AUDIT)
        ]


def log_numbers(project: Path, client: str) -> dict[str, list[int]]:
    """The numbers of a client's runs and slots, after which their logs are called."""
    with _reading(ledger(project)) as connection:
        return {
            table: [row[0] for row in connection.execute(f"SELECT number FROM {table} WHERE client = ?", (client,))]  # noqa: S608
            if connection is not None and "number" in columns_of(connection, table)
            else []
            for table in ("run", "slot")
        }


def receipts(project: Path, client: str) -> dict[str, int]:
    """How many deliveries left this machine, or may have, by the name of the destination."""
    with _reading(ledger(project)) as connection:
        if connection is None or not columns_of(connection, "receipt"):
            return {}
        rows = connection.execute(
            "SELECT destination, count(*) FROM receipt JOIN slot ON slot.number = receipt.slot "
            "WHERE client = ? AND receipt.state <> 'failed' GROUP BY destination",
            (client,),
        )
        return dict(rows.fetchall())


def artifact_paths(project: Path, client: str) -> list[Path]:
    """Folders of artifacts of the client's runs that lie elsewhere than the client's other artifacts do."""
    root = local_store.artifacts(project)
    with _reading(mlflow(project)) as connection:
        if connection is None or not columns_of(connection, "runs"):
            return []
        rows = connection.execute(f"SELECT artifact_uri FROM runs WHERE run_uuid IN ({_RUNS})", (client, client))  # noqa: S608
        found = [Path(str(row[0]).removeprefix("file://")).parent for row in rows]
    own = root / client
    return sorted({path for path in found if path.is_relative_to(root) and not path.is_relative_to(own)} - {root})


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that cannot write, or None if there is no such file."""
    if not database.exists():
        yield None
        return
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        yield connection
