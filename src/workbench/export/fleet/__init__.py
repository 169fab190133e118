"""The plan of ``kedro fleet run``, for Airflow and as Kubernetes Jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from workbench.export.fleet.airflow import as_airflow
from workbench.export.fleet.jobs import as_jobs
from workbench.export.fleet.options import FleetOptions
from workbench.fleet.plan import Cell

__all__ = ["EXPORTS", "FleetOptions"]

EXPORTS: dict[str, Callable[[Sequence[Cell], FleetOptions], Mapping[str, str]]] = {
    "airflow": as_airflow,
    "kubernetes": as_jobs,
}
"""By name: what makes the files, name to text."""
