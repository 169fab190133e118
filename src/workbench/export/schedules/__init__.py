"""The fleet's schedules in the words of other schedulers; each begins ``kedro report schedule slot`` in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.export.options import ExportOptions
from workbench.export.schedules.airflow import as_airflow
from workbench.export.schedules.crontab import as_crontab
from workbench.export.schedules.github import as_github
from workbench.export.schedules.kubernetes import as_kubernetes
from workbench.schedules.entries import Entry

__all__ = ["EXPORTS", "ExportOptions"]

EXPORTS: dict[str, Callable[[Sequence[Entry], ExportOptions], str]] = {
    "airflow": as_airflow,
    "cron": as_crontab,
    "github": as_github,
    "kubernetes": as_kubernetes,
}
"""By name: what makes the text of the one file."""
