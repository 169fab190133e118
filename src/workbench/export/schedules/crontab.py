"""A crontab for cronie and its kin, which read ``CRON_TZ``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import groupby

from workbench.export.options import ExportOptions
from workbench.schedules.entries import Entry

__all__ = ["as_crontab"]

HEAD = """\
# Written by `kedro report schedule export --to cron`. Install it with `crontab <this file>`.
# CRON_TZ is read by cronie (Fedora, RHEL, Arch). Debian's cron ignores it: there, run `kedro report schedule run`.
# A slot is delivered once, even if it is begun twice. What failed by what may pass is taken up before the next slot;
# see `kedro report schedule history`.
"""


def as_crontab(entries: Sequence[Entry], options: ExportOptions) -> str:
    """One line a schedule, grouped by time zone."""
    blocks = [HEAD]
    stage = ["env", *(f"{name}={value}" for name, value in options.environment.items())] if options.stage else []
    ordered = sorted(entries, key=lambda entry: entry.schedule.timezone)
    for timezone, group in groupby(ordered, key=lambda entry: entry.schedule.timezone):
        lines = [f"CRON_TZ={timezone}"]
        for entry in group:
            command = shlex.join([*stage, options.kedro, "report", "schedule", "slot", entry.client.id, entry.name])
            # In a crontab, a percent sign is a line break (crontab(5)).
            line = f"cd {shlex.quote(options.project)} && {command}".replace("%", r"\%")
            lines.append(f"{entry.schedule.cron} {line}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)
