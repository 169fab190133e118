"""Versions that are to be trained again: they are marked, and stay until they are replaced.

A version is marked when rows that it learned from are erased, and when ``monitor`` finds that it has decayed.

What a mark is, :mod:`workbench.registry.marks` says. In the embedded store it is written and read without MLflow,
because ``kedro client check`` asks for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from workbench.errors import Busy
from workbench.registry import local_store
from workbench.registry.marks import RETRAIN, SINCE, mark_tags
from workbench.registry.store import open_store, tracking_uri, translated

__all__ = ["champion_to_retrain", "mark", "mark_champion", "marked"]

_NAMES = "name IN (?, ?)"
_CHAMPION = """
    SELECT tag.version, tag.value FROM model_version_tags AS tag JOIN registered_model_aliases AS alias
    ON alias.name = tag.name AND alias.version = tag.version AND alias.workspace = tag.workspace
    WHERE tag.key = ? AND alias.alias = 'champion' AND tag.name = ?
"""


def mark(project: Path, client: str, why: str) -> list[str]:
    """Mark every version of a client's models, ``<client>`` and ``<client>-tune``.

    Returns:
        The versions: ``acme version 3``.

    Raises:
        Busy: the store is in use.
    """
    if tracking_uri(project) != local_store.uri(project):
        return _mark_on_server(project, client, why)
    database = _database(project)
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
            found = connection.execute(
                f"SELECT name, version, workspace FROM model_versions WHERE {_NAMES} ORDER BY name, version",  # noqa: S608
                (client, f"{client}-tune"),
            ).fetchall()
            connection.executemany(
                "INSERT OR REPLACE INTO model_version_tags (key, value, name, version, workspace) "
                "VALUES (?, ?, ?, ?, ?)",
                [(tag, text, *version) for version in found for tag, text in mark_tags(why).items()],
            )
    except sqlite3.OperationalError as error:
        raise Busy(f"MLflow's store cannot be written ({error})", where=str(database), hint="try again") from error
    return [f"{name} version {version}" for name, version, _ in found]


def mark_champion(project: Path, client: str, version: int, why: str) -> bool:
    """Mark one version of ``<client>``, if it is the champion still; the reason of a mark that it has already stays.

    Returns:
        Whether it is the champion, and marked now.

    Raises:
        Busy: the store is in use.
        Transient: a server does not answer.
    """
    from workbench.registry.models import CHAMPION, find

    store = open_store(project)
    with translated(store.uri):
        champion = find(store, client, CHAMPION)
        if champion is None or int(champion.version) != version:
            return False
        tags = mark_tags(champion.tags.get(RETRAIN, why))
        # The moment first: a reason without one would be a mark that no training can take away.
        for tag in (SINCE, RETRAIN):
            store.api.set_model_version_tag(client, champion.version, tag, tags[tag])
    return True


def marked(project: Path, clients: Iterable[str]) -> dict[str, str]:
    """The clients whose champion is marked, in the order given, and why, as one clause each.

    Raises:
        ConfigurationError: the store cannot be used.
        Transient: a server does not answer.
    """
    if tracking_uri(project) == local_store.uri(project):
        found = {client: champion_to_retrain(project, client) for client in clients}
        return {client: why for client, why in found.items() if why}
    from workbench.registry.models import standings

    return {
        one["client"]: _clause(one["version"], one["retrain"])
        for one in standings(open_store(project), clients)
        if one["retrain"]
    }


def champion_to_retrain(project: Path, client: str) -> str | None:
    """Which champion is to be trained again, and why, as one clause; None if there is none, or no embedded store."""
    database = _database(project)
    if tracking_uri(project) != local_store.uri(project) or not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
            row = connection.execute(_CHAMPION, (RETRAIN, client)).fetchone()
    except sqlite3.Error:
        return None  # whoever uses the registry is told what is wrong with it
    return _clause(row[0], row[1]) if row else None


def _clause(version: int | str, why: str) -> str:
    return f"champion version {version} is to be trained again: {why}"


def _mark_on_server(project: Path, client: str, why: str) -> list[str]:
    store, marked = open_store(project), []
    with translated(store.uri):
        for name in (client, f"{client}-tune"):
            for version in store.api.search_model_versions(f"name = '{name}'"):
                for tag, text in reversed(mark_tags(why).items()):
                    store.api.set_model_version_tag(name, version.version, tag, text)
                marked.append(f"{name} version {version.version}")
    return marked


def _database(project: Path) -> Path:
    return Path(local_store.uri(project).removeprefix("sqlite:///"))
