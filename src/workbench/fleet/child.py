"""A worker process, as its parent sees it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from workbench.fleet.body import Start
from workbench.fleet.events import Lines, Progress
from workbench.fleet.ledger import state_folder
from workbench.fleet.queue import Item
from workbench.fleet.watch import Overstep, Watch

__all__ = ["Child", "log_of"]

GRACE_SECONDS = 5.0
"""That a worker which has overstepped a limit has to end by itself."""


def log_of(project: Path, number: int) -> Path:
    """Where a worker writes what it has to say about a run."""
    return state_folder(project) / "logs" / f"{number}.log"


class Child:
    """One worker: started, heard, stopped, and looked after until it is gone.

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
        self._watch = watch
        self._kill_at = float("inf")
        cell, number = item.cell, item.number
        self._lines = Lines()
        self._begun = time.monotonic()
        log = log_of(project, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.channel, its_end = os.pipe()
        os.set_blocking(self.channel, False)
        options = [f"--project={project}", f"--client={cell.client}", f"--pipeline={cell.pipeline}"]
        options += [f"--number={number}"]
        options += ["--force"] if force else []
        try:
            # A log grows while it is read, so it is no durable file.
            with log.open("wb") as output:
                self._body = start(options, project, environ, output.fileno(), its_end)
        except BaseException:
            os.close(self.channel)
            raise
        finally:
            os.close(its_end)

    @property
    def seconds(self) -> float:
        """Since it was started, by a monotonic clock."""
        return time.monotonic() - self._begun

    @property
    def news(self) -> int | None:
        """A descriptor that can be read when it may have ended."""
        return self._body.news

    def hear(self) -> list[Progress] | None:
        """What it has told since the last call; None when it will tell no more."""
        try:
            data = os.read(self.channel, 65_536)
        except BlockingIOError:
            return []
        if not data:
            return None
        events = self._lines.feed(data)
        for progress in events:
            self._watch.heard(progress)
        return events

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
            os.close(self.channel)
        return code
