"""A file for Airflow 3 that makes one DAG a client and schedule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.export.options import ExportOptions
from workbench.export.python_file import filled
from workbench.schedules.entries import Entry

__all__ = ["as_airflow"]

TEMPLATE = Path(__file__).with_name("airflow_dag.py.txt")


def as_airflow(entries: Sequence[Entry], options: ExportOptions) -> str:
    """The DAG file: fixed code, and the schedules as one JSON literal.

    Identifiers reach the shell through environment variables, and the code through JSON, so none of them is ever part
    of a command or of a Jinja template.
    """
    document = {
        "project": options.project,
        "kedro": options.kedro,
        "pool": options.pool,
        "environment": options.environment,
        "schedules": [_record(entry) for entry in entries],
    }
    return filled(TEMPLATE, "SCHEDULES", document)


def _record(entry: Entry) -> dict[str, Any]:
    schedule = entry.schedule
    return {
        "client": entry.client.id,
        "name": entry.name,
        "owner": entry.client.owner,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "catchup": schedule.missed == "all",
        "retries": schedule.retries,
        "timeout_minutes": schedule.timeout_minutes,
        "templates": list(schedule.templates),
    }
