"""What an export needs to know of the place where it will run."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.clients.layers import STAGE_VARIABLE

__all__ = ["ExportOptions"]


@dataclass(frozen=True)
class ExportOptions:
    """Where the project and its commands lie, there.

    Attributes:
        project: the project's folder.
        kedro: the command.
        image: the container's image.
        claim: name of the volume that keeps ``data``, ``models`` and the ledger.
        pool: Airflow's pool of the tasks.
        stage: dev, staging or prod; None for none.
    """

    project: str = "."
    kedro: str = "kedro"
    image: str = "smithright-workbench:latest"
    claim: str = "workbench"
    pool: str = "default_pool"
    stage: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every run there."""
        return {} if self.stage is None else {STAGE_VARIABLE: self.stage}
