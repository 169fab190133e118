"""A worker process, as its parent sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from workbench.fleet.events import Lines, Progress
from workbench.fleet.ledger import state_folder
from workbench.fleet.plan import Cell

__all__ = ["Child", "log_of"]


def log_of(project: Path, number: int) -> Path:
    """Where a worker writes what it has to say about a run."""
    return state_folder(project) / "logs" / f"{number}.log"


class Child:
    """One worker: started, heard, stopped, and looked after until it is gone.

    It leads a process group of its own, so that Ctrl-C in the terminal reaches the parent alone, which asks the workers
    to end, and so that what a worker has started can be ended with it.

    Args:
        project: the project's folder.
        cell: what it runs.
        number: the row of the ledger.
        environ: its environment.
    """

    def __init__(self, project: Path, cell: Cell, number: int, environ: Mapping[str, str]) -> None:
        self.cell, self.number = cell, number
        self._lines = Lines()
        self._begun = time.monotonic()
        log = log_of(project, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.channel, its_end = os.pipe()
        os.set_blocking(self.channel, False)
        options = [f"--project={project}", f"--client={cell.client}", f"--pipeline={cell.pipeline}"]
        options += [f"--number={number}", f"--channel={its_end}", f"--parent={os.getpid()}"]
        try:
            # A log grows while it is read, so it is no durable file. `-P`: nothing in the project's root is imported.
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-u", "-X", "faulthandler", "-m", "workbench.fleet.worker", *options],
                    cwd=project,
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(its_end,),
                    start_new_session=True,
                )
        except BaseException:
            os.close(self.channel)
            raise
        finally:
            os.close(its_end)

    @property
    def seconds(self) -> float:
        """Since it was started, by a monotonic clock."""
        return time.monotonic() - self._begun

    def hear(self) -> list[Progress] | None:
        """What it has told since the last call; None when it will tell no more."""
        try:
            data = os.read(self.channel, 65_536)
        except BlockingIOError:
            return []
        return self._lines.feed(data) if data else None

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it, and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal which ended it. What it had started is ended by then."""
        # Looked at first and waited for later: until then nobody else can get its number, and the group is surely its.
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.kill()
        os.close(self.channel)
        return self._process.wait()
