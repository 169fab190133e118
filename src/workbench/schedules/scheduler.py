"""The embedded scheduler: looks which slots are due, writes them down, and has them served.

It keeps nothing in memory that matters. Which slots are to be served follows from the clients' configuration and the
ledger, so it can be killed at any moment and started again. One scheduler a project runs at a time.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType

from workbench.clients import Client, ClientRegistry
from workbench.errors import Busy, WorkbenchError
from workbench.fleet.environment import worker_environment
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.schedules.book import SlotBook
from workbench.schedules.child import SlotProcess, log_of
from workbench.schedules.clock import Clock, SystemClock
from workbench.schedules.cron import Cron
from workbench.schedules.due import due_slots
from workbench.schedules.slot import Slot

__all__ = ["Scheduler"]

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
LOOK_SECONDS = 20.0
"""How often the clients' configuration is read again: a new schedule counts without a restart."""

COMMAND = (sys.executable, "-m", "kedro", "report", "schedule", "slot")


class Scheduler:
    """Serves the slots of all clients, each in a process of its own, one at a time for a client.

    Args:
        project: the project's folder.
        workers: slots served at once, at most.
        clock: what time it is.
        command: what serves a slot; client, schedule and ``--due`` are added to it.
        environ: what the processes' environments are made of.
        tell: told in a sentence of each slot that begins and ends.
    """

    def __init__(
        self,
        project: Path,
        *,
        workers: int,
        clock: Clock | None = None,
        command: Sequence[str] = COMMAND,
        environ: Mapping[str, str] = os.environ,
        tell: Callable[[str], None] = log.info,
    ) -> None:
        self._project, self._workers, self._command, self._environ = project, workers, command, environ
        self._clock = clock or SystemClock()
        self._tell = tell
        self._registry, self._book = ClientRegistry(project), SlotBook(project)
        self._clients: dict[str, Client] = {}
        self._looked: datetime | None = None
        self._planned: datetime | None = None
        self._complaints: dict[str, str] = {}
        self._children: dict[str, SlotProcess] = {}
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, datetime] = {}
        self._woken = threading.Event()
        self._signals = 0

    def run(self, until: datetime | None = None) -> None:
        """Serve until a signal comes, or all slots up to an instant are done.

        The first SIGTERM, SIGHUP or Ctrl-C lets what runs come to its end; the second asks it to hand its slot back;
        the third kills it.

        Args:
            until: serve no slot after it, and return when the last one before it is done; None: never.

        Raises:
            Busy: another scheduler of this project runs.
        """
        with self._heeding_signals(), self._only_one():
            try:
                while not self._is_over(until):
                    self._bury()
                    if not self._signals:
                        self._plan(until)
                        self._start_some()
                    if not self._is_over(until):
                        self._clock.wait(self._pause(), self._woken)
                    self._woken.clear()
            except BaseException:
                for child in self._children.values():
                    child.stop()
                raise

    def _is_over(self, until: datetime | None) -> bool:
        if self._children:
            return False
        # What counts is what was planned, not what time it is by now: a slot may have come in between.
        return bool(self._signals) or (until is not None and self._planned == until and not self._book.open())

    # ---- planning ---------------------------------------------------------------------------------------------------

    def _plan(self, until: datetime | None) -> None:
        now = self._clock.now()
        if until is not None:
            now = min(now, until)
        self._planned = now
        self._look(now)
        self._book.reap(self._attempts_of)
        schedules = {
            (client.id, name): one for client in self._clients.values() for name, one in client.schedule.items()
        }
        served, skipped = [], []
        for pair, since in self._book.known_since(list(schedules), now).items():
            due = due_slots(schedules[pair], since, now)
            served += [(*pair, slot) for slot in due.served]
            skipped += [(*pair, slot, why) for slot, why in due.skipped]
        self._book.plan(served, skipped)

    def _look(self, now: datetime) -> None:
        """Read the clients' configuration again, if that was some time ago; one that is wrong stays as it was."""
        if self._looked is not None and abs(now - self._looked) < timedelta(seconds=LOOK_SECONDS):
            return
        self._looked = now
        found = {}
        for name in self._registry.ids():
            try:
                found[name] = self._registry.load(name)
                self._complaints.pop(name, None)
            except WorkbenchError as error:
                if self._complaints.get(name) != str(error):
                    self._complaints[name] = str(error)
                    log.error("%s; its schedule stays as it was", error)  # noqa: TRY400 - one sentence
                if name in self._clients:
                    found[name] = self._clients[name]
        self._clients = found

    def _attempts_of(self, slot: Slot) -> int:
        client = self._clients.get(slot.client)
        schedule = client.schedule.get(slot.schedule) if client else None
        return 1 + (schedule.retries if schedule else 0)

    # ---- serving ----------------------------------------------------------------------------------------------------

    def _start_some(self) -> None:
        now = self._clock.now()
        for slot in self._book.open():
            if len(self._children) >= self._workers:
                return
            if slot.state != "planned" or slot.client in self._children or self._not_before.get(slot.number, now) > now:
                continue
            if slot.client not in self._clients or slot.schedule not in self._clients[slot.client].schedule:
                continue  # taken out of the configuration; it waits for its return
            environ = worker_environment(self._environ, slot.client, self._registry.ids(), self._workers)
            self._children[slot.client] = SlotProcess(self._project, slot, self._command, environ)
            self._tell(f"{slot.name}: begins")

    def _bury(self) -> None:
        for client, child in list(self._children.items()):
            code = child.exit_code()
            if code is None:
                continue
            del self._children[client]
            number = child.slot.number
            if code == 0:
                self._failures.pop(number, None)
                self._not_before.pop(number, None)
                self._tell(f"{child.slot.name}: done")
                continue
            self._failures[number] = self._failures.get(number, 0) + 1
            self._not_before[number] = self._clock.now() + self._back_off(self._failures[number])
            self._tell(f"{child.slot.name}: ended with code {code}; see {log_of(self._project, number)}")

    def _back_off(self, failures: int) -> timedelta:
        """A random part of a time that doubles with each failure, from half a minute up to an hour."""
        return timedelta(seconds=random.uniform(0.5, 1) * min(3600.0, 30.0 * 2.0 ** min(failures - 1, 9)))  # noqa: S311

    def _pause(self) -> float:
        """Seconds until there may be something to do."""
        if self._children or self._book.open():
            return TICK_SECONDS
        now = self._clock.now()
        slots = [
            Cron(schedule.cron, schedule.timezone).next(now)
            for client in self._clients.values()
            for schedule in client.schedule.values()
        ]
        nearest = min((slot for slot in slots if slot is not None), default=now + timedelta(seconds=LOOK_SECONDS))
        return min(LOOK_SECONDS, (nearest - now).total_seconds())

    # ---- the process ------------------------------------------------------------------------------------------------

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        lock = ClientLock(state_folder(self._project) / "scheduler", "scheduler")
        try:
            lock.acquire("the schedule of reports")
        except Busy as error:
            raise Busy("a scheduler of this project runs already", where=str(lock.path), hint=error.hint) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self._heed) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._woken.set()
        if self._signals == 2:
            for child in self._children.values():
                child.stop()
        elif self._signals > 2:
            for child in self._children.values():
                child.kill()
