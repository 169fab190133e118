"""One of several workers' places: its socket, the process that has it now, and when the next one may have it."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

__all__ = ["Seat", "exit_code"]

SOONEST = 1.0
"""Seconds between two starts at one place."""
LONGEST = 60.0
"""Seconds between the end of one that could not come up, and the next try, at most."""


class Seat:
    """A worker's place.

    Args:
        listener: its socket.

    Attributes:
        process: who has it; None before the first.
        was_ready: whether anybody at this place ever was.
        failures: how many have ended here before they were ready, since the last one that was.
        ended: whether the process is known to have ended.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.process: subprocess.Popen[bytes] | None = None
        self.was_ready = self.ended = False
        self.failures = 0
        self._next = 0.0

    def taken_by(self, process: subprocess.Popen[bytes]) -> None:
        """Somebody was started here."""
        self.process, self.ended = process, False
        self._next = time.monotonic() + SOONEST

    def note_ready(self) -> None:
        """Whoever has it can answer."""
        self.was_ready, self.failures = True, 0

    def note_failure(self) -> None:
        """Nobody came up here; the next try is made after a while that grows."""
        self.failures += 1
        self._next = time.monotonic() + min(LONGEST, SOONEST * 2 ** min(self.failures, 10))

    @property
    def is_due(self) -> bool:
        """Whether the next one may be started."""
        return time.monotonic() >= self._next

    @property
    def lives(self) -> bool:
        """Whether there is a process."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it lives."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def kill(self) -> None:
        """End the process at once, if it lives."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def exit_code(returned: int | None) -> int:
    """Of a process that a signal ended, 128 and its number, as shells have it."""
    code = returned or 0
    return 128 - code if code < 0 else code
