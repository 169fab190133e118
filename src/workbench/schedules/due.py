"""Which slots of a schedule are to be served, and which are not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from workbench.clients.schedule import Schedule
from workbench.schedules.cron import Cron

__all__ = ["CATCH_UP", "Due", "due_slots"]

CATCH_UP = 100
"""Missed slots that are looked at, at most: a job of each minute misses half a million in a year."""


@dataclass(frozen=True)
class Due:
    """The slots of one schedule in one span of time.

    Attributes:
        served: those that are to be served, in order.
        skipped: those that are not, and why, in order.
    """

    served: tuple[datetime, ...] = ()
    skipped: tuple[tuple[datetime, str], ...] = ()


def due_slots(schedule: Schedule, since: datetime, now: datetime) -> Due:
    """The slots after ``since`` and not after ``now``.

    A slot that is late by no more than the schedule's grace is on time, and served. Of the others, which passed while
    no scheduler ran, ``missed`` decides.

    Args:
        schedule: the client's configuration.
        since: the last slot that is known, or when the schedule was first seen.
        now: the instant; if it is before ``since``, because a clock went back, nothing is due.
    """
    slots = Cron(schedule.cron, schedule.timezone).missed(since, now, CATCH_UP)
    limit = now - timedelta(minutes=schedule.grace_minutes)
    late = [slot for slot in slots if slot < limit]
    on_time = slots[len(late) :]
    keep = {"all": len(late), "last": 0 if on_time else 1, "skip": 0}[schedule.missed]
    kept = late[len(late) - keep :] if keep else []
    why = f"no scheduler ran when it was due; missed: {schedule.missed}"
    dropped = late[: len(late) - keep]
    return Due((*kept, *on_time), tuple((slot, why) for slot in dropped))
