"""How the fleet's plan is to run, there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.export.options import ExportOptions

__all__ = ["FleetOptions"]


@dataclass(frozen=True)
class FleetOptions(ExportOptions):
    """What an export of the fleet needs to know beyond the place.

    Attributes:
        known: all registered clients; a variable that is one's own reaches no other's run.
        executor: of Airflow; for ``kubernetes`` each task says which image and how much it needs.
        queue: of Airflow's CeleryExecutor.
        in_container: whether an Airflow task runs the image by a container engine, and not the command.
        engine: that engine's command, docker or podman.
        workers: runs at once, at most.
        retries: further attempts after what may pass.
        timeout_minutes: for one pipeline of one client.
        cpu: processors of a run; a numeric library gets as many threads.
        memory: of a run, as Kubernetes writes it; one that needs more is ended.
    """

    known: tuple[str, ...] = ()
    executor: Literal["local", "celery", "kubernetes"] = "local"
    queue: str = "default"
    in_container: bool = False
    engine: str = "docker"
    workers: int = 16
    retries: int = 3
    timeout_minutes: int = 120
    cpu: int = 1
    memory: str = "2Gi"
