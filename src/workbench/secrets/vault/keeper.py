"""A thread that looks after what was lent, each thing when it is due."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count

from workbench.errors import Transient, WorkbenchError

__all__ = ["Keeper", "due_in"]

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""After a failure that may pass; sooner for what does not live that long."""

Task = Callable[[], float | None]
"""Looks after one thing; returns the seconds until it is due again, or None if it is not any more."""


def due_in(seconds: float) -> float | None:
    """When something that lives so many seconds is to be renewed: at two thirds of them. None if it lives for ever."""
    return max(0.05, seconds * 2 / 3) if seconds > 0 else None


class Keeper:
    """Runs tasks when they are due, in one daemon thread that starts with the first of them.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: list[tuple[float, int, Task]] = []
        self._order, self._changed, self._ended = count(), threading.Condition(), False
        self._thread: threading.Thread | None = None

    def add(self, task: Task, seconds: float | None) -> None:
        """Run a task so many seconds from now, and as often as it says."""
        if seconds is None:
            return
        with self._changed:
            heapq.heappush(self._tasks, (time.monotonic() + seconds, next(self._order), task))
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self) -> None:
        """Run nothing more; waits for a task that runs now."""
        with self._changed:
            self._ended = True
            self._tasks.clear()
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (not self._tasks or self._tasks[0][0] > time.monotonic()):
                    self._changed.wait(self._tasks[0][0] - time.monotonic() if self._tasks else None)
                if self._ended:
                    return
                _, _, task = heapq.heappop(self._tasks)
            try:
                seconds = task()
            except WorkbenchError as error:
                # Whoever needs it next will be told; a thread has nobody to tell.
                logger.warning("%s", error)
                seconds = AGAIN_SECONDS if isinstance(error, Transient) else None
            if not self._ended:
                self.add(task, seconds)
