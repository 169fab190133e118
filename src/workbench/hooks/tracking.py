"""A Kedro run is an MLflow run: who, what code, what configuration, what tables.

A pipeline that persists nothing is not tracked, and does not pay for the import of MLflow. Without the store a run does
not begin, because it would leave no proof; once it has begun, tracking never breaks it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import MemoryDataset

from workbench.clients import client_of_env
from workbench.errors import WorkbenchError
from workbench.fleet.incremental import nothing_to_do
from workbench.fleet.process import Process
from workbench.fleet.sentence import sentence_of

if TYPE_CHECKING:
    from kedro.io import DataCatalog
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from workbench.registry.runs import Run

__all__ = ["TrackingHooks"]

logger = logging.getLogger(__name__)


class TrackingHooks:
    """Starts a run before the pipeline, records what is read and written, ends it after."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._catalog: DataCatalog | None = None
        self._recorded: set[str] = set()
        self._failed = ""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Start the run, if the pipeline is a client's and leaves anything behind."""
        client_id = client_of_env(run_params["env"])
        if client_id is None or not _persists(pipeline, catalog):
            return
        if nothing_to_do(str(run_params.get("runner")), pipeline, catalog):
            return
        from workbench.registry import runs

        starter = runs.Starter(
            # Sorted, since Kedro keeps them as a set.
            pipeline="+".join(sorted(run_params.get("pipeline_names") or ["__default__"])),
            session=run_params["run_id"],
            process=_text_of(Process.current()),
            has_ended=_has_ended,
        )
        self._catalog, self._recorded, self._failed = catalog, set(), ""
        self._run = runs.start(
            Path(run_params["project_path"]),
            client_id,
            starter,
            parameters=catalog.load("parameters") if "parameters" in catalog else {},
            used=_used_parameters(pipeline, catalog),
        )

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog) -> None:
        """Note the digests of the tables that a node is about to read."""
        if self._run is None:
            return
        if self._run.is_due(node.inputs):
            self._try(lambda run: run.write_notes())
        tables = {name: path for name in node.inputs if (path := _path_of_tables(catalog, name))}
        new = {name: path for name, path in tables.items() if name not in self._recorded}
        if new:
            self._try(lambda run: run.note_inputs(new, node.name))
            self._recorded |= new.keys()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note the digest of what was written, a tag of the run; log metrics, and a plot of a search for settings."""
        if self._run is None or self._catalog is None:
            return
        path = getattr(self._catalog.get(dataset_name), "path", None)
        self._recorded.discard(dataset_name)
        if isinstance(path, Path) and path.exists():
            from workbench.files import sha256_of_path

            self._run.note_output(dataset_name, sha256_of_path(path))
        if dataset_name in {"metrics", "monitor_metrics"}:
            self._try(lambda run: run.log_metrics(data))
        if dataset_name == "tuning":
            from workbench.registry.evidence import attach_search

            self._try(lambda run: attach_search(run.store, run.id, data))

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Keep where it failed."""
        self._failed = node.name

    @hook_impl
    def after_pipeline_run(self) -> None:
        """End the run well."""
        self._try(lambda run: run.end())
        self._run = self._catalog = None

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """End the run as failed, with one sentence."""
        self._try(lambda run: run.end("FAILED", sentence_of(error, self._failed)))
        self._run = self._catalog = None

    def _try(self, record: Callable[[Run], None]) -> None:
        """Record something; that this cannot be done must neither stop a pipeline nor hide its error."""
        from workbench.registry.runs import current

        if self._run is None or current() is not self._run:
            return
        try:
            record(self._run)
        except (WorkbenchError, OSError) as problem:
            logger.warning("not recorded in MLflow: %s", problem)


def _text_of(process: Process) -> str:
    return f"{process.birth}/{process.pid}"


def _has_ended(text: str) -> bool:
    birth, _, pid = text.rpartition("/")
    return pid.isdigit() and Process(int(pid), birth).is_alive() is False


def _persists(pipeline: Pipeline, catalog: DataCatalog) -> bool:
    """Whether anything that the pipeline makes outlives the process."""
    datasets = (catalog.get(name) for name in pipeline.all_outputs())
    return any(dataset is not None and not isinstance(dataset, MemoryDataset) for dataset in datasets)


def _used_parameters(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """The names of the top-level parameters that nodes of the pipeline take."""
    inputs = pipeline.inputs()
    if "parameters" in inputs:
        return set(catalog.load("parameters"))
    return {name.removeprefix("params:").partition(".")[0] for name in inputs if name.startswith("params:")}


def _path_of_tables(catalog: DataCatalog, name: str) -> Path | None:
    from workbench.datasets.tables import ParquetTable, TableFolder

    dataset = catalog.get(name)
    return dataset.path if isinstance(dataset, ParquetTable | TableFolder) and dataset.path.exists() else None
