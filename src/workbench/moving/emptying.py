"""All that engines hold of a client, dropped: for an erasure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.clients import ClientRegistry
from workbench.clients.engines import DuckdbEngine, Engine, RemoteEngine
from workbench.engines import open_warehouse
from workbench.engines.publishing import ours
from workbench.moving.journal import read

__all__ = ["drop_all", "engines_of"]


def engines_of(project: Path, client: str) -> Iterator[RemoteEngine]:
    """The client's engine, and both of a move that has not ended; less DuckDB, whose tables are files."""
    found: list[Engine] = []
    if client in ClientRegistry(project).ids():
        found.append(ClientRegistry(project).load(client).engine)
    moved = read(project, client)
    if moved is not None:
        found += [moved.old, moved.new]
    for settings in dict.fromkeys(found):
        if not isinstance(settings, DuckdbEngine):
            yield settings


def drop_all(project: Path, client: str) -> int:
    """Drop the client's tables in every engine that may have some; a second time there are none.

    Returns:
        How many there were.

    Raises:
        Unreachable: an engine does not answer, so it is not known what it holds.
    """
    dropped = 0
    for settings in engines_of(project, client):
        warehouse = open_warehouse(project, client, settings)
        for name in ours(warehouse.names()):
            warehouse.drop(name)
            dropped += 1
    return dropped
