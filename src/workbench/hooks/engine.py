"""A run whose engine cannot do what the recipe asks ends before its first node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from workbench.clients import ClientRegistry, client_of_env

__all__ = ["EngineHooks"]


class EngineHooks:
    """Asks, if the run prepares anything and the client's engine is not DuckDB; closes connections afterwards."""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Any) -> None:
        """Compile the client's recipe to its engine's SQL."""
        client = client_of_env(run_params["env"])
        if client is None or not any("prepare" in node.tags for node in pipeline.nodes):
            return
        from kedro.framework.project import PACKAGE_NAME

        from workbench.engines.refusing import refuse_own

        refuse_own(ClientRegistry(Path(run_params["project_path"])), client, PACKAGE_NAME or "pipelines")

    @hook_impl
    def after_pipeline_run(self) -> None:
        """A worker that is forked may end without Python's own end."""
        _close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Do so as well."""
        _close()


def _close() -> None:
    from workbench.engines.opening import close_all

    close_all()
