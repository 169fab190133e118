"""Runs a plan: a bounded number of workers, one client each, all of them seen to their end."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from workbench.clients import ClientRegistry
from workbench.fleet.child import Child
from workbench.fleet.environment import worker_environment
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import Cell
from workbench.fleet.run import OPEN, Run, State
from workbench.fleet.view import View

__all__ = ["Fleet", "Result"]

TICK_SECONDS = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Result:
    """How a fleet run ended.

    Attributes:
        runs: a row of the ledger for each cell of the plan, in the plan's order.
        stopped_by: the signal that ended it early, if one did.
    """

    runs: tuple[Run, ...]
    stopped_by: signal.Signals | None

    @property
    def exit_code(self) -> int:
        """0 if every run succeeded; 128 + n if signal n stopped the fleet; else 1."""
        if self.stopped_by is not None:
            return 128 + self.stopped_by
        return 0 if all(run.state == "succeeded" for run in self.runs) else 1


class Fleet:
    """One fleet run.

    Args:
        project: the project's folder.
        cells: what to run; see :func:`workbench.fleet.plan.plan`.
        workers: how many at once, at most.
        continue_on_error: whether a failure leaves the other clients' runs as planned. Those that run already are
            never touched by it; the later pipelines of the failed client never start.
        view: who is told.
        environ: what the workers' environments are made of.
    """

    def __init__(
        self,
        project: Path,
        cells: Sequence[Cell],
        *,
        workers: int,
        continue_on_error: bool,
        view: View,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._project, self._workers, self._continue, self._view = project, workers, continue_on_error, view
        self._environ, self._clients = environ, ClientRegistry(project).ids()
        self._ledger = Ledger.of(project)
        self._cells = list(cells)
        self._waiting: list[tuple[int, Cell]] = []
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._signals: list[signal.Signals] = []
        self._is_asked, self._is_killed = False, False

    def run(self) -> Result:
        """Run it, from the main thread. Whatever happens here, no worker outlives it and no row stays open."""
        numbers = self._ledger.plan((cell.client, cell.pipeline) for cell in self._cells)
        self._waiting = list(zip(numbers, self._cells, strict=True))
        with self._heeding_signals(), self._view:
            try:
                while self._children or self._waiting:
                    self._start_some()
                    self._listen()
                    self._heed()
                    self._bury()
                    self._view.refresh()
            finally:
                self._clear()
        return Result(tuple(self._ledger.get(numbers)), self._signals[0] if self._signals else None)

    def _start_some(self) -> None:
        for number, cell in list(self._waiting):
            if len(self._children) >= self._workers:
                return
            if cell.client not in self._children:
                environ = worker_environment(self._environ, cell.client, self._clients, self._workers)
                child = Child(self._project, cell, number, environ)
                self._children[cell.client] = child
                self._waiting.remove((number, cell))
                self._selector.register(child.channel, selectors.EVENT_READ, child)
                self._view.started(cell)

    def _listen(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            child: Child = key.data
            heard = child.hear()
            if heard is None:
                self._selector.unregister(child.channel)
            for progress in heard or ():
                self._view.progress(child.cell, progress)

    def _heed(self) -> None:
        if self._signals and not self._is_asked:
            self._is_asked = True
            self._drop(self._waiting, f"not started: the fleet was stopped by {self._signals[0].name}")
            for child in self._children.values():
                child.stop()
            self._view.say("Stopping: each run ends as soon as it can; once more kills them.")
        if len(self._signals) > 1 and not self._is_killed:
            self._is_killed = True
            for child in self._children.values():
                child.kill()

    def _bury(self) -> None:
        for client, child in list(self._children.items()):
            code = child.exit_code()
            if code is None:
                continue
            del self._children[client]
            if child.channel in self._selector.get_map():
                self._selector.unregister(child.channel)
            run = self._ended(child, code)
            self._view.ended(run)
            if run.state != "succeeded":
                later = [item for item in self._waiting if item[1].client == client]
                self._drop(later, f"not started: {run.pipeline} of this client {run.state}")
                if not self._continue:
                    self._drop(self._waiting, f"not started: {run.pipeline} of {client} {run.state}")

    def _ended(self, child: Child, code: int) -> Run:
        """The row of a worker that is gone; what it could not write into it is written now."""
        (run,) = self._ledger.get([child.number])
        if run.state in OPEN or run.state == "crashed":
            state, error = self._judge(code)
            self._ledger.close(child.number, state, error, seconds=round(child.seconds, 3))
            (run,) = self._ledger.get([child.number])
        return run

    def _judge(self, code: int) -> tuple[State, str]:
        if self._is_asked:
            return "cancelled", f"stopped by {self._signals[0].name}"
        if code >= 0:
            return "failed", f"the worker exited with code {code}; its log has the details"
        name = signal.Signals(-code).name
        return "crashed", f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")

    def _drop(self, items: Sequence[tuple[int, Cell]], why: str) -> None:
        if not items:
            return
        numbers = {number for number, _ in items}
        self._waiting = [item for item in self._waiting if item[0] not in numbers]
        self._ledger.cancel(sorted(numbers), why)

    def _clear(self) -> None:
        """After an error in the runner itself, such as a full disk, there may be something left."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            while child.exit_code() is None:
                time.sleep(TICK_SECONDS / 10)
        for child in self._children.values():
            self._ledger.close(child.number, "cancelled", "the fleet run failed", seconds=round(child.seconds, 3))
        self._drop(self._waiting, "not started: the fleet run failed")
        self._selector.close()

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        def note(number: int, _frame: FrameType | None) -> None:
            self._signals.append(signal.Signals(number))

        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
