"""Ending a run when it is asked to: the first signal unwinds it, the second one kills it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["GracefulStop"]

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None

_DEFAULTS: dict[signal.Signals, _Handler] = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


class GracefulStop:
    """While it is installed, SIGTERM, SIGHUP and Ctrl-C raise; ``finally`` blocks and context managers do their work.

    A handler that somebody else has set, or ``nohup``, is left alone.

    Attributes:
        received: the signal that unwinds the run, if one does.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._installed: list[signal.Signals] = []
        self._is_held = False
        self._kept: signal.Signals | None = None

    def install(self) -> None:
        """Begin; does nothing outside of the main thread, where Python allows no handlers."""
        if not _in_main_thread():
            return
        for number, default in _DEFAULTS.items():
            if signal.getsignal(number) is default:
                signal.signal(number, self._handle)
                self._installed.append(number)

    def hold(self) -> None:
        """From now on keep a signal until :meth:`remove`: the run's last line is being written."""
        self._is_held = True

    def remove(self) -> None:
        """End; signals do what they did before, one that was kept included."""
        if not _in_main_thread():
            return
        for number in self._installed:
            signal.signal(number, _DEFAULTS[number])
        self._installed.clear()
        kept, self._kept = self._kept, None
        if kept is not None:
            signal.raise_signal(kept)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._is_held:
            self._kept = signal.Signals(number)
            return
        self.received = signal.Signals(number)
        for installed in self._installed:
            signal.signal(installed, signal.SIG_DFL)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        # The exit code that a shell reports for a process which a signal ended.
        raise SystemExit(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
