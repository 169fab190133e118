"""What an export needs to know of the place where it will run."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version

from workbench.clients.layers import STAGE_VARIABLE

__all__ = ["GROUP", "ExportOptions", "own_image"]

GROUP = 10001
"""Of whoever runs in our images, user and group alike; a volume that is made for it is given to it."""


def own_image() -> str:
    """What `make image` calls the image of this version: a name that stays with what it was given to."""
    return f"smithright-workbench:{version('smithright-workbench')}"


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
    image: str = field(default_factory=own_image)
    claim: str = "workbench"
    pool: str = "default_pool"
    stage: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every run there."""
        return {} if self.stage is None else {STAGE_VARIABLE: self.stage}
