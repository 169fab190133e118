"""How old the newest row may be: what the parameters say, or else the client's schedules."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from workbench.clients import Client

if TYPE_CHECKING:
    from workbench.monitoring.quality import Expected

__all__ = ["expected_of"]

SLOTS = 60
"""Slots of a schedule that are looked at for its longest gap: those of a working week have one over the weekend."""

BRINGS_ROWS = frozenset({"ingest", "__default__"})


def expected_of(client: Client, days: float | None, now: datetime) -> Expected | None:
    """How old the newest row may be, and who says so; None if nobody does.

    A schedule that runs ``ingest`` (or everything) expects new rows at each slot. Twice its longest gap is allowed, so
    that one delivery may be late; of several schedules, the one that comes most often counts.
    """
    from workbench.monitoring.quality import Expected

    if days is not None:
        return Expected(days, "monitor.quality.newest_days")
    gaps = {
        name: gap
        for name, one in sorted(client.schedule.items())
        if BRINGS_ROWS & {part for group in one.pipelines for part in group.split("+")}
        and (gap := _longest_gap(one.cron, one.timezone, now)) is not None
    }
    if not gaps:
        return None
    name = min(gaps, key=lambda one: gaps[one])
    return Expected(2 * gaps[name] / timedelta(days=1), f"twice the longest gap of the schedule '{name}'")


def _longest_gap(cron: str, timezone: str, now: datetime) -> timedelta | None:
    from workbench.schedules.cron import Cron

    slots = islice(Cron(cron, timezone).after(now), SLOTS)
    return max((later - earlier for earlier, later in pairwise(slots)), default=None)
