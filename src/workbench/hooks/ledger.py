"""Every run of a client is in the ledger, and no two of them write at once."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from workbench.clients import client_of_env
from workbench.fleet.record import RunRecord, take_over

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline.node import Node

__all__ = ["LedgerHooks"]

_SELECTIONS = ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "namespaces")


class LedgerHooks:
    """Takes the client's lock and writes its row before all other hooks, and ends both after all others.

    They are wrappers, so that the run is ended also when another hook fails where Kedro calls no ``on_pipeline_error``.
    """

    def __init__(self) -> None:
        self._record: RunRecord | None = None

    @hook_impl(wrapper=True, tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> Generator[None, object, object]:
        """Begin, or take over what a worker of the fleet began."""
        client = client_of_env(run_params["env"])
        if client is None:
            return (yield)
        project = Path(run_params["project_path"])
        record = take_over(project, client, "+".join(sorted(run_params["pipeline_names"] or ["__default__"])))
        self._record = record
        try:
            _describe(record, project, client, run_params, catalog)
            result = yield
        except BaseException as error:
            record.fail(error)
            raise
        record.note_mlflow()
        return result

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Keep what the run came to."""
        if self._record is not None:
            self._record.note_saved(dataset_name, data)

    @hook_impl
    def on_node_error(self, node: Node) -> None:
        """Keep where it failed."""
        if self._record is not None:
            self._record.note_failure(node.name)

    @hook_impl(wrapper=True, tryfirst=True)
    def after_pipeline_run(self) -> Generator[None, object, object]:
        """End it well, unless another hook fails."""
        record, self._record = self._record, None
        if record is None:
            return (yield)
        record.note_mlflow()
        try:
            result = yield
        except BaseException as error:
            record.fail(error)
            raise
        record.succeed()
        return result

    @hook_impl(wrapper=True, tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> Generator[None, object, object]:
        """End it as failed."""
        record, self._record = self._record, None
        if record is None:
            return (yield)
        record.note_mlflow()
        try:
            return (yield)
        finally:
            record.fail(error)


def _describe(
    record: RunRecord, project: Path, client: str, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
) -> None:
    from workbench.registry.provenance import code_version, configuration, digest_of_json

    code = code_version(project)
    parameters = catalog.load("parameters") if "parameters" in catalog else {}
    record.describe(
        partial=any(run_params.get(name) for name in _SELECTIONS) or bool(run_params.get("only_missing_outputs")),
        git_commit=f"{code.commit}{'-dirty' if code.dirty else ''}" or None,
        config_digest=digest_of_json(configuration(project, client, parameters)),
    )
