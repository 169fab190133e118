"""Answers that take too long for a page: it shows the last one, and somebody fetches the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Later"]

T = TypeVar("T")


class Later(Generic[T]):
    """The last answer of a function that is asked in a thread of its own, one at a time.

    Args:
        ask: the function; if it raises, the last answer stays.
        first: the answer until there is one.
        every: seconds for which an answer is good.
    """

    def __init__(self, ask: Callable[[], T], first: T, every: float) -> None:
        self._ask, self._answer, self._every = ask, first, every
        self._due, self._asking = 0.0, threading.Lock()

    def get(self) -> T:
        """The last answer, at once."""
        if time.monotonic() >= self._due and self._asking.acquire(blocking=False):
            threading.Thread(target=self._fetch, daemon=True).start()
        return self._answer

    def wait(self, seconds: float) -> T:
        """The answer that is being fetched, if it comes in time."""
        self.get()
        if self._asking.acquire(timeout=seconds):
            self._asking.release()
        return self._answer

    def _fetch(self) -> None:
        try:
            self._answer = self._ask()
        except Exception:  # noqa: BLE001, S110 - whatever it is, the page is as good as it was
            pass
        finally:
            self._due = time.monotonic() + self._every
            self._asking.release()
