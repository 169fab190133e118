"""The slots of a cron expression: instants in UTC.

cronsim reads expressions as Debian's cron does, which settles what happens when clocks change: a job of a skipped hour
runs right after it, one of a repeated hour runs once, and jobs of every hour or minute follow the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

__all__ = ["Cron"]

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Cron:
    """A cron expression in a time zone.

    Args:
        expression: five fields; see :class:`workbench.clients.schedule.Schedule`, which has checked it.
        timezone: an IANA time zone.
    """

    expression: str
    timezone: str

    def after(self, instant: datetime) -> Iterator[datetime]:
        """The slots after an instant, in order, without end."""
        for slot in CronSim(self.expression, instant.astimezone(ZoneInfo(self.timezone))):
            utc = slot.astimezone(UTC)
            if utc > instant:
                yield utc

    def next(self, instant: datetime) -> datetime | None:
        """The first slot after an instant; None if there is none within fifty years."""
        return next(self.after(instant), None)

    def latest(self, instant: datetime) -> datetime | None:
        """The last slot that is not after an instant."""
        return next(self._back_from(instant), None)

    def missed(self, since: datetime, until: datetime, limit: int) -> list[datetime]:
        """The slots after ``since`` and not after ``until``, in order: the last ``limit`` of them."""
        found: list[datetime] = []
        for slot in self._back_from(until):
            if slot <= since or len(found) >= limit:
                break
            found.append(slot)
        return found[::-1]

    def in_words(self) -> str:
        """What it says, for people: ``At 06:00 on Monday (America/New_York)``."""
        return f"{CronSim(self.expression, datetime(2024, 1, 1, tzinfo=UTC)).explain()} ({self.timezone})"

    def _back_from(self, instant: datetime) -> Iterator[datetime]:
        # cronsim begins before the instant that it is given, and this one counts.
        start = (instant + _MINUTE).astimezone(ZoneInfo(self.timezone))
        for slot in CronSim(self.expression, start, reverse=True):
            utc = slot.astimezone(UTC)
            if utc <= instant:
                yield utc
