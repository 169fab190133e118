"""How a worker's process is started, and ended: anew, or as a fork of a warm one. Its parent sees no difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

__all__ = ["Body", "ColdStart", "Start", "can_fork"]


class Body(Protocol):
    """A process of a worker, which leads a process group of its own."""

    @property
    def pid(self) -> int | None:
        """Its number; None if it is not known yet."""

    @property
    def news(self) -> int | None:
        """A descriptor that can be read when :meth:`exit_code` may have an answer; None where there is none."""

    def signal(self, number: signal.Signals) -> None:
        """Give it a signal; SIGKILL goes to all that it has started, too."""

    def exit_code(self) -> int | None:
        """None while it lives; negative for the signal which ended it. What it had started is ended by then."""


class Start(Protocol):
    """What starts workers."""

    def is_ready(self) -> bool:
        """Whether one can be started now."""

    def __call__(
        self, options: Sequence[str], project: Path, environ: Mapping[str, str], log: int, channel: int
    ) -> Body:
        """Start one.

        Args:
            options: of :mod:`workbench.fleet.worker`, but for ``--parent`` and ``--channel``.
            project: its working directory.
            environ: its environment, and nothing beside.
            log: descriptor of its standard output and error.
            channel: descriptor of the pipe on which it tells how far it is.
        """

    def close(self) -> None:
        """No more will be started."""


def can_fork() -> bool:
    """Whether a warm start is possible on this system; it is not on Windows, and on macOS its own libraries break."""
    return sys.platform == "linux"


class ColdStart:
    """A new Python for each."""

    def is_ready(self) -> bool:
        """Always."""
        return True

    def __call__(
        self, options: Sequence[str], project: Path, environ: Mapping[str, str], log: int, channel: int
    ) -> Body:
        """Start one."""
        command = [sys.executable, "-P", "-u", "-X", "faulthandler", "-m", "workbench.fleet.worker", *options]
        # `-P`: nothing in the project's root is imported.
        return _Cold(
            subprocess.Popen(
                [*command, f"--channel={channel}", f"--parent={os.getpid()}"],
                cwd=project,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(channel,),
                start_new_session=True,
            )
        )

    def close(self) -> None:
        """Nothing to do."""


class _Cold:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.news = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        if number == signal.SIGKILL:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.send_signal(number)

    def exit_code(self) -> int | None:
        # Looked at first and waited for later: until then nobody else can get its number, and the group is surely its.
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.signal(signal.SIGKILL)
        if self.news is not None:
            os.close(self.news)
        return self._process.wait()
