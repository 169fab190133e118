"""What workers do alike, done once before they are forked: code that ran before runs faster, and caches are full.

Nothing here opens a client's file, and nothing is left open.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path

__all__ = ["rehearse"]


def rehearse(project: Path, chosen: Collection[str], *, embedded_store: bool) -> None:
    """Do what needs no client.

    Args:
        project: the project's folder; Kedro knows it already.
        chosen: the pipelines that the workers will run.
        embedded_store: whether the workers' MLflow store is the project's own file.
    """
    _plugins()
    _configuration(project)
    _code(project, chosen)
    _models()
    if "workbench.registry.provenance" in sys.modules:
        from workbench.registry.provenance import hold_code_version

        hold_code_version(project)
    if "workbench.registry.runs" in sys.modules and embedded_store:
        _store(project)
    if "ibis.backends.duckdb" in sys.modules:
        _expressions()


def _plugins() -> None:
    """Kedro imports the hooks of all plugins, those that are switched off included."""
    for entry in entry_points(group="kedro.hooks"):
        entry.load()


def _configuration(project: Path) -> None:
    from kedro.framework.project import settings

    loader = settings.CONFIG_LOADER_CLASS
    if hasattr(loader, "keep"):
        loader.keep(project / settings.CONF_SOURCE, **settings.CONFIG_LOADER_ARGS)


def _code(project: Path, chosen: Collection[str]) -> None:
    """Read the code behind the nodes as it is now, which is what the workers will run."""
    from kedro.framework.project import pipelines

    from workbench.fleet.done import save_sources
    from workbench.fleet.incremental import sources_of

    sources = sources_of(project)
    sources.read("workbench.datasets.*")
    for node in {node for name in chosen if name in pipelines for node in pipelines[name].nodes}:
        sources.code_of(node.func)
    save_sources(sources, project)


def _models() -> None:
    """Pydantic builds a model's validator when it is first used."""
    from workbench.clients import Client, Schema

    for model in (Client, Schema):
        model.model_rebuild()


def _store(project: Path) -> None:
    """Make the store if there is none, have MLflow look at its schema, and let go of it."""
    from workbench.registry.store import open_store

    store = open_store(project)
    store.api.search_runs(["0"], filter_string="attributes.status = 'RUNNING'", max_results=1)
    # SQLAlchemy's rule for forks: the connections of a pool are the parent's alone.
    store.api._tracking_client.store.engine.dispose()  # noqa: SLF001


def _expressions() -> None:
    """Have Ibis write and run some SQL, in a database that is gone with the connection, its threads included."""
    import ibis

    backend = ibis.duckdb.connect(threads=1)
    try:
        backend.raw_sql(
            "CREATE TABLE seen AS SELECT i AS key, i / 3 AS value, i % 2 || 'x' AS text FROM range(4) t (i)"
        )
        table = backend.table("seen")
        grouped = table.group_by("text").agg(rows=table.count(), mean=table.value.mean(), keys=table.key.nunique())
        joined = table.join(grouped, "text").mutate(known=ibis._.value.notnull(), rank=ibis.row_number())
        # Not `execute`: Arrow would start its threads for it.
        backend.raw_sql(backend.compile(joined.filter(joined.rows > 0).order_by("key"))).fetchall()
    finally:
        backend.disconnect()
