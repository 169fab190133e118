"""What workers do alike, done once before they are forked: code that ran before runs faster, and caches are full.

Nothing here opens a client's file, and nothing is left open.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

__all__ = ["rehearse"]


def rehearse(project: Path, chosen: Collection[str], *, embedded_store: bool) -> None:
    """Do what needs no client.

    Args:
        project: the project's folder; Kedro knows it already.
        chosen: the pipelines that the workers will run.
        embedded_store: whether the workers' MLflow store is the project's own file.
    """
    _plugins()
    _code(project, chosen, _configuration(project))
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


def _configuration(project: Path) -> Mapping[str, Any]:
    """Read what all clients share; the catalog of it."""
    from kedro.framework.project import settings

    loader = settings.CONFIG_LOADER_CLASS
    if not hasattr(loader, "keep"):
        return {}
    catalog: Mapping[str, Any] = loader.keep(project / settings.CONF_SOURCE, **settings.CONFIG_LOADER_ARGS)["catalog"]
    return catalog


def _code(project: Path, chosen: Collection[str], catalog: Mapping[str, Any]) -> None:
    """Read the code behind the nodes as it is now, which is what the workers will run, and what versions it is with."""
    from kedro.framework.project import pipelines
    from kedro.io import MemoryDataset
    from kedro.io.core import DatasetError, parse_dataset_definition

    from workbench.fingerprints.packages import version_of
    from workbench.fleet.done import save_sources
    from workbench.fleet.incremental import code_behind, sources_of

    def module_of(name: str) -> str:
        """As the client's own catalog has it; no client's catalog names a class."""
        try:
            return parse_dataset_definition(catalog[name])[0].__module__
        except (LookupError, TypeError, DatasetError):  # a parameter, or what the run's own catalog makes of a pattern
            return MemoryDataset.__module__

    sources = sources_of(project)
    for node in {node for name in chosen if name in pipelines for node in pipelines[name].nodes}:
        for package in code_behind(sources, node, module_of).packages:
            version_of(package)
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
    engines = [store.api._tracking_client.store.engine]  # noqa: SLF001
    if "workbench.registry.models" in sys.modules:
        from workbench.registry.models import CHAMPION, find

        find(store, "nobody", CHAMPION)
        registry = store.api._get_registry_client()  # type: ignore[no-untyped-call]  # noqa: SLF001
        engines.append(registry.store.engine)
    for engine in engines:
        # SQLAlchemy's rule for forks: the connections of a pool are the parent's alone.
        engine.dispose()


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
