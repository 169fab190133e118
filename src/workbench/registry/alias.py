"""Who is champion, asked without MLflow where that is possible: the question takes less time than the import."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from workbench.registry import local_store
from workbench.registry.store import open_store, tracking_uri

__all__ = ["champion_version"]

_SELECT = "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = 'champion' AND workspace = 'default'"


def champion_version(client_id: str, project: Path) -> int | None:
    """The version under the alias ``champion``, or None.

    The embedded store is one SQLite file, whose table of aliases is read as it stands (MLflow 3.17,
    ``mlflow/store/model_registry/dbmodels/models.py``); of any other store, MLflow's client is asked.

    Raises:
        ConfigurationError: the store cannot be used.
        Transient: a server does not answer.
    """
    project = project.resolve()
    if tracking_uri(project) == local_store.uri(project):
        database = local_store.database(project)
        if not database.is_file():
            return None
        try:
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
                row = connection.execute(_SELECT, (client_id,)).fetchone()
        except sqlite3.Error:
            pass  # of another version of MLflow, or damaged: MLflow says what is wrong with it
        else:
            return int(row[0]) if row else None
    from workbench.registry.models import CHAMPION, find

    found = find(open_store(project), client_id, CHAMPION)
    return int(found.version) if found else None
