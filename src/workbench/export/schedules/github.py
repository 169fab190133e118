"""A GitHub Actions workflow, which knows UTC only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.errors import ConfigurationError
from workbench.export.options import ExportOptions
from workbench.schedules.entries import Entry

__all__ = ["as_github"]

MOST_TIMES = 24
WITHIN_MINUTES = 50


def as_github(entries: Sequence[Entry], options: ExportOptions) -> str:
    """One workflow with a job a schedule.

    Each job is begun at all times of day, in UTC, that one of its slots has in a year, and does nothing if none was
    due within the last fifty minutes: that is how summer time, days and months are left to the schedule itself.

    Raises:
        ConfigurationError: a schedule comes at more than 24 times of the day.
    """
    import yaml

    times: dict[str, list[Entry]] = {}
    for entry in entries:
        for time in _times(entry):
            times.setdefault(time, []).append(entry)
    workflow: dict[str, Any] = {
        "name": "reports",
        "on": {"schedule": [{"cron": time} for time in sorted(times)], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "jobs": {f"{entry.client.id}__{entry.name}": _job(entry, times, options) for entry in entries},
    }
    head = (
        "# Written by `kedro report schedule export --to github`. Put it into .github/workflows/.\n"
        "# data/, models/ and .workbench/ must outlive a job: by a self-hosted runner, or steps that keep them.\n"
    )
    text = yaml.safe_dump(workflow, sort_keys=False, width=10_000)
    return head + text.replace("'on':", "on:")


def _job(entry: Entry, times: dict[str, list[Entry]], options: ExportOptions) -> dict[str, Any]:
    own = [time for time in sorted(times) if entry in times[time]]
    condition = " || ".join(
        ["github.event_name == 'workflow_dispatch'", *(f"github.event.schedule == '{t}'" for t in own)]
    )
    client = entry.client.id
    command = f"{options.kedro} report schedule slot {client} {entry.name} --within {WITHIN_MINUTES}"
    return {
        "if": condition,
        "runs-on": "self-hosted",
        "timeout-minutes": entry.schedule.timeout_minutes,
        "concurrency": {"group": f"workbench-{client}", "cancel-in-progress": False},
        "environment": f"client-{client}",
        **({"env": options.environment} if options.stage else {}),
        "steps": [{"uses": "actions/checkout@v5"}, {"run": "make setup"}, {"run": command}],
    }


def _times(entry: Entry) -> list[str]:
    """``minute hour * * *`` in UTC, for each time of day at which one of a year's slots lies."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found: set[tuple[int, int]] = set()
    for slot in entry.cron.after(start):
        if slot > start + timedelta(days=366 * 4) or len(found) > MOST_TIMES:
            break
        found.add((slot.hour, slot.minute))
    if len(found) > MOST_TIMES:
        raise ConfigurationError(
            f"{entry.schedule.cron!r} comes at more than {MOST_TIMES} times of the day, too often for GitHub Actions",
            where=f"client {entry.client.id}, schedule {entry.name}",
            hint="export it to cron, airflow or kubernetes",
        )
    return [f"{minute} {hour} * * *" for hour, minute in sorted(found)]
