"""What time it is, and waiting: the scheduler asks nothing else for it, so a day can pass in seconds."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The instant, with a time zone."""
        ...

    def wait(self, seconds: float, woken: threading.Event) -> None:
        """Return after some seconds, or when the event is set."""
        ...


class SystemClock:
    """The machine's."""

    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.now(UTC)

    def wait(self, seconds: float, woken: threading.Event) -> None:
        """Return after some seconds, or when the event is set."""
        woken.wait(seconds)
