"""What runs that were killed left half-written is gone before the next run of the client begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl

from workbench.clients import client_of_env
from workbench.files import sweep
from workbench.scratch import sweep_the_dead

__all__ = ["LeftoverHooks"]

LAYERS = "0[1-8]_*"
"""The folders of a client's data that runs alone write: deliveries and the archive of reports are others'."""


class LeftoverHooks:
    """Sweeps the folders that a run of the client writes.

    By then :class:`workbench.hooks.ledger.LedgerHooks` holds the client's lock, so whatever is half-written there is a
    dead process's.
    """

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Sweep data and models, the checkpoints below them, and private folders of the dead, whoever's they were."""
        client = client_of_env(run_params["env"])
        if client is None:
            return
        project = Path(run_params["project_path"])
        data, models = project / "data" / client, project / "models" / client
        for folder in [data, *data.glob(LAYERS), models, *models.glob("*/")]:
            sweep(folder)
        sweep_the_dead()
