"""Runs a plan: a bounded number of workers, one client each, all of them seen to their end."""

from __future__ import annotations

import os
import random
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, MappingProxyType

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.fleet.body import ColdStart, Start, can_fork
from workbench.fleet.child import Child
from workbench.fleet.environment import worker_environment
from workbench.fleet.ledger import Ledger
from workbench.fleet.limits import Limits
from workbench.fleet.plan import Cell
from workbench.fleet.queue import Item, Queue
from workbench.fleet.run import OPEN, ErrorKind, Run, State
from workbench.fleet.table import clock
from workbench.fleet.view import View
from workbench.fleet.warm import WarmStart
from workbench.fleet.watch import Watch

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
        workers: how many run nodes at once, at most; one more gets ready while they run their last.
        max_failures: after so many runs that failed or crashed nothing new starts; None: whatever fails. Those that run
            already are never touched by it; the later pipelines of a failed client never start.
        view: who is told.
        force: run also the nodes for which nothing has changed.
        environ: what the workers' environments are made of.
        limits: what each client's runs may take; a client that is not there has no limits.
        budget: seconds after which nothing new starts.
        cold: start a new Python for each worker; otherwise they are forked from a warm one, where that is possible.
    """

    def __init__(
        self,
        project: Path,
        cells: Sequence[Cell],
        *,
        workers: int,
        max_failures: int | None,
        view: View,
        force: bool = False,
        environ: Mapping[str, str] = os.environ,
        limits: Mapping[str, Limits] = MappingProxyType({}),
        budget: float | None = None,
        cold: bool = False,
    ) -> None:
        self._project, self._workers, self._view = project, workers, view
        self._max_failures, self._failures, self._budget = max_failures, 0, budget
        self._force = force
        self._environ, self._clients = environ, ClientRegistry(project).ids()
        self._ledger = Ledger.of(project)
        self._start: Start = ColdStart()
        self._is_warm = not cold and can_fork()
        self._cells = list(cells)
        self._limits = {cell.client: limits.get(cell.client, Limits()) for cell in cells}
        self._queue = Queue()
        self._rows: dict[Cell, int] = {}
        self._children: dict[str, Child] = {}
        self._went_back: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._signals: list[signal.Signals] = []
        self._is_asked, self._is_killed = False, False

    def run(self) -> Result:
        """Run it, from the main thread. Whatever happens here, no worker outlives it and no row stays open."""
        numbers = self._ledger.plan((cell.client, cell.pipeline) for cell in self._cells)
        self._fleet = numbers[0] if numbers else None
        self._rows = dict(zip(self._cells, numbers, strict=True))
        self._queue = Queue([Item(number, cell) for cell, number in self._rows.items()])
        self._begun = time.monotonic()
        with self._heeding_signals(), self._ledger.kept_open(), self._view:
            try:
                if self._is_warm:
                    self._start = self._warm_start()
                while self._children or self._queue:
                    self._keep_to_budget()
                    self._start_some()
                    self._listen()
                    self._heed()
                    self._watch()
                    self._bury()
                    self._view.refresh()
            finally:
                self._clear()
        rows = {run.number: run for run in self._ledger.get(list(self._rows.values()))}
        return Result(
            tuple(rows[number] for number in self._rows.values()), self._signals[0] if self._signals else None
        )

    def _warm_start(self) -> WarmStart:
        environ = worker_environment(self._environ, "", self._clients, self._workers)
        return WarmStart(self._project, {cell.pipeline for cell in self._cells}, environ, self._view.say)

    def _start_some(self) -> None:
        """Give turns to as many as may be at work. One more gets ready while others run their last nodes."""
        while self._start.is_ready() and len(self._children) <= 2 * self._workers:  # who takes its leave may hang
            children = list(self._children.values())
            has_room = sum(child.is_at_work for child in children) < self._workers
            ready = next((child for child in children if child.is_early), None)
            if ready is None and (has_room or any(child.is_near_its_end for child in children)):
                ready = self._start_next()
            if ready is None or not has_room:
                return
            ready.begin()
            self._view.started(ready.cell)

    def _start_next(self) -> Child | None:
        item = self._queue.next(self._children)
        if item is None:
            return None
        client = item.cell.client
        environ = worker_environment(self._environ, client, self._clients, self._workers)
        watch = Watch(client, self._limits[client])
        child = Child(self._project, item, environ, self._start, watch, force=self._force)
        self._children[client] = child
        self._selector.register(child.channel, selectors.EVENT_READ, child)
        if child.news is not None:
            self._selector.register(child.news, selectors.EVENT_READ)
        return child

    def _keep_to_budget(self) -> None:
        if self._budget is not None and time.monotonic() - self._begun > self._budget:
            self._drop(f"not started: the budget of {self._budget:g} s was spent")

    def _watch(self) -> None:
        for child in self._children.values():
            child.keep_to_limits()

    def _listen(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            child: Child | None = key.data
            if child is None:
                continue  # it may have ended: `_bury` looks
            heard = child.hear()
            if heard is None:
                self._selector.unregister(child.channel)
            for progress in heard or ():
                self._view.progress(child.cell, progress)

    def _heed(self) -> None:
        if self._signals and not self._is_asked:
            self._is_asked = True
            self._drop(f"not started: the fleet was stopped by {self._signals[0].name}")
            for child in self._children.values():
                if not child.is_called_off:  # a second signal would kill it
                    child.stop()
            self._view.say("Stopping: each run ends as soon as it can; once more kills them.")
        if len(self._signals) > 1 and not self._is_killed:
            self._is_killed = True
            for child in self._children.values():
                child.kill()

    def _bury(self) -> None:
        for client, child in list(self._children.items()):
            news, code = child.news, child.exit_code()
            if code is None:
                continue
            del self._children[client]
            for source in (child.channel, news):
                if source is not None and source in self._selector.get_map():
                    self._selector.unregister(source)
            if self._goes_back(child):
                continue
            run = self._ended(child, code)
            if child.is_called_off and run.state == "cancelled":
                continue  # as all that were dropped
            if child.is_early:
                self._view.started(child.cell)
            self._view.ended(run)
            if run.state != "succeeded" and not self._tries_again(child, run):
                self._gives_up(run)

    def _goes_back(self, child: Child) -> bool:
        """Let one that died before its turn, without a word of why, be started again, once: nothing has been run."""
        (run,) = self._ledger.get([child.number])
        if run.state != "planned" or not child.is_early or child.number in self._went_back:
            return False
        self._went_back.add(child.number)
        self._queue.put_first(child.item)
        return True

    def _ended(self, child: Child, code: int) -> Run:
        """The row of a worker that is gone; what it could not write into it is written now."""
        (run,) = self._ledger.get([child.number])
        overstep = child.overstep
        if overstep is not None and run.state != "succeeded":
            ending: tuple[State, str] = ("failed", overstep.sentence)
        elif run.state in OPEN or run.state == "crashed":
            ending = self._judge(code)
        else:
            return run
        kind: ErrorKind | None = "terminal" if ending[0] == "failed" else None
        seconds = round(child.seconds, 3)
        self._ledger.close(child.number, *ending, seconds=seconds, error_kind=kind, is_stopped=overstep is not None)
        if run.started is not None and (run.state in OPEN or run.state == "crashed"):
            # It could not say so itself.
            audit.record(
                self._project, "run.ended", client=run.client, run=run.number, pipeline=run.pipeline, state=ending[0]
            )
        (run,) = self._ledger.get([child.number])
        return run

    def _judge(self, code: int) -> tuple[State, str]:
        if self._is_asked:
            return "cancelled", f"stopped by {self._signals[0].name}"
        if code >= 0:
            return "failed", f"the worker exited with code {code}; its log has the details"
        name = signal.Signals(-code).name
        return "crashed", f"killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")

    def _tries_again(self, child: Child, run: Run) -> bool:
        """Whether a run that failed by what may pass is planned anew, after a pause."""
        limits, attempt = self._limits[run.client], child.item.attempt
        if run.error_kind != "transient" or attempt > limits.retries or self._is_asked:
            return False
        (number,) = self._ledger.plan([(run.client, run.pipeline)], attempt + 1, self._fleet)
        pause = limits.pause(attempt) * random.uniform(0.8, 1.2)  # noqa: S311 - so that clients do not come back at once
        self._rows[child.cell] = number
        self._queue.put_first(Item(number, child.cell, attempt + 1, time.monotonic() + pause))
        self._view.say(f"{run.client}  {run.pipeline}  again in {clock(pause)}, attempt {attempt + 1}")
        return True

    def _gives_up(self, run: Run) -> None:
        self._drop(
            f"not started: {run.pipeline} of this client {run.state}", lambda item: item.cell.client == run.client
        )
        self._failures += run.state in {"failed", "crashed"}
        if self._max_failures == 1 or (self._max_failures is not None and self._failures >= self._max_failures):
            more = "" if self._max_failures == 1 else f", and {self._failures} are as many as may fail"
            self._drop(f"not started: {run.pipeline} of {run.client} {run.state}{more}")

    def _drop(self, why: str, which: Callable[[Item], bool] = lambda _: True) -> None:
        numbers = self._queue.drop(which)
        if numbers:
            self._ledger.cancel(numbers, why)
        for child in self._children.values():
            if child.is_early and which(child.item):
                child.call_off()
                self._ledger.cancel([child.number], why)

    def _clear(self) -> None:
        """After an error in the runner itself, such as a full disk, there may be something left."""
        for child in self._children.values():
            child.kill()
        for child in self._children.values():
            while child.exit_code() is None:
                time.sleep(TICK_SECONDS / 10)
        self._drop("not started: the fleet run failed")
        for child in self._children.values():
            self._ledger.close(child.number, "cancelled", "the fleet run failed", seconds=round(child.seconds, 3))
        self._start.close()
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
