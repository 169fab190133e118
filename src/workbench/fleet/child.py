"""A worker process, as its parent sees it."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from workbench.fleet.body import Start
from workbench.fleet.events import TURN, Lines, Progress
from workbench.fleet.ledger import state_folder
from workbench.fleet.queue import Item
from workbench.fleet.watch import Overstep, Watch

__all__ = ["Child", "log_of"]

LAST_NODES = 8
"""A run is near its end with an eighth of its nodes to go, or with its last."""

GRACE_SECONDS = 5.0
"""That a worker which has overstepped a limit has to end by itself."""


def log_of(project: Path, number: int) -> Path:
    """Where a worker writes what it has to say about a run."""
    return state_folder(project) / "logs" / f"{number}.log"


class Child:
    """One worker: started, given its turn, heard, stopped, and looked after until it is gone.

    It gets ready as soon as it is started, and runs nodes from its turn on.

    It leads a process group of its own, so that Ctrl-C in the terminal reaches the parent alone, which asks the workers
    to end, and so that what a worker has started can be ended with it.

    Args:
        project: the project's folder.
        item: what it runs, and the row of the ledger.
        environ: its environment.
        start: what starts its process.
        watch: what knows its limits.
        force: run also the nodes for which nothing has changed.

    Attributes:
        overstep: the limit that it was stopped for, if it was.
        has_said_ready: it has come to where it waits for its turn.
        is_called_off: it was asked to go before its turn.
        is_leaving: all its nodes have run; what is left is to write down how it ended.
    """

    def __init__(
        self,
        project: Path,
        item: Item,
        environ: Mapping[str, str],
        start: Start,
        watch: Watch,
        *,
        force: bool = False,
    ) -> None:
        self.item, self.cell, self.number = item, item.cell, item.number
        self.overstep: Overstep | None = None
        self.has_said_ready = self.is_leaving = self.is_called_off = self._has_turn = False
        self._last = Progress(0, 0, "")
        self._watch = watch
        self._kill_at = float("inf")
        cell, number = item.cell, item.number
        self._lines = Lines()
        self._begun = time.monotonic()
        log = log_of(project, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._end, its_end = socket.socketpair()
        self._end.setblocking(False)
        self.channel = self._end.fileno()
        options = [f"--project={project}", f"--client={cell.client}", f"--pipeline={cell.pipeline}"]
        options += [f"--number={number}"]
        options += ["--force"] if force else []
        try:
            # A log grows while it is read, so it is no durable file.
            with log.open("wb") as output:
                self._body = start(options, project, environ, output.fileno(), its_end.fileno())
        except BaseException:
            self._end.close()
            raise
        finally:
            its_end.close()

    @property
    def is_at_work(self) -> bool:
        """It has its turn, and nodes to run."""
        return self._has_turn and not self.is_leaving

    @property
    def is_early(self) -> bool:
        """It was started, and waits for its turn, or will."""
        return not self._has_turn and not self.is_called_off

    @property
    def is_near_its_end(self) -> bool:
        """It runs its last nodes."""
        left = self._last.total - self._last.done
        return self.is_at_work and bool(self._last.node) and left <= max(1, self._last.total // LAST_NODES)

    @property
    def seconds(self) -> float:
        """Since its turn, or else since it was started, by a monotonic clock."""
        return time.monotonic() - self._begun

    @property
    def news(self) -> int | None:
        """A descriptor that can be read when it may have ended."""
        return self._body.news

    def hear(self) -> list[Progress] | None:
        """How far it is, as told since the last call; None when it will tell no more."""
        try:
            data = self._end.recv(65_536)
        except BlockingIOError:
            return []
        except ConnectionResetError:  # it went without having looked whether it was its turn
            return None
        if not data:
            return None
        events = self._lines.feed(data)
        self.is_leaving = self.is_leaving or any(progress.phase == "leaving" for progress in events)
        self.has_said_ready = self.has_said_ready or any(progress.phase == "ready" for progress in events)
        events = [progress for progress in events if not progress.phase]
        for progress in events:
            self._watch.heard(progress)
            self._last = progress
        return events

    def begin(self) -> None:
        """Give it its turn; its time counts from now."""
        self._has_turn = True
        self._begun = time.monotonic()
        self._watch.begin()
        with suppress(OSError):  # it is gone already
            self._end.send(TURN)

    def call_off(self) -> None:
        """Have it go without a turn."""
        self.is_called_off = True
        self.stop()

    def keep_to_limits(self) -> None:
        """Stop it if it has overstepped one: it is asked first, if there is time, and killed if it does not listen."""
        if self.overstep is None:
            self.overstep = self._watch.look(self._body.pid)
            if self.overstep is not None:
                self._kill_at = time.monotonic() + (0 if self.overstep.at_once else GRACE_SECONDS)
                self.stop()
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            self.kill()

    def stop(self) -> None:
        """Ask it to end."""
        self._body.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and what it has started."""
        self._body.signal(signal.SIGKILL)

    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal which ended it. What it had started is ended by then."""
        code = self._body.exit_code()
        if code is not None:
            self._end.close()
        return code
