"""A run writes nothing over the results of another stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from workbench.clients import client_of_env
from workbench.clients.layers import current_stage
from workbench.fleet.stage import keep_stage

__all__ = ["StageHooks"]


class StageHooks:
    """Looks before anything is swept or saved; :class:`workbench.hooks.ledger.LedgerHooks` holds the client's lock."""

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Refuse a run of another stage, and note that of the first."""
        client = client_of_env(run_params["env"])
        if client is not None:
            keep_stage(Path(run_params["project_path"]), client, current_stage())
