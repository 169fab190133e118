"""Which process is meant by a pid: pids are used again, and mean nothing on another machine or in another container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Process", "die_with_parent"]

_PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>: the signal that a process gets when its parent dies."""

_STATE, _START_TICKS = 0, 19
"""Positions after the command's name in /proc/<pid>/stat: its fields 3 and 22, see proc_pid_stat(5)."""


@dataclass(frozen=True)
class Process:
    """One process, for good.

    Attributes:
        pid: its number, as long as it lives.
        birth: when it began, and on which boot and in which pid namespace that is counted.
    """

    pid: int
    birth: str

    @classmethod
    def current(cls) -> Process:
        """This process."""
        pid = os.getpid()
        return cls(pid, _birth(pid) or "unknown")

    def is_alive(self) -> bool | None:
        """Whether it still runs; None if that cannot be told from here. A zombie does not run."""
        if self.birth.rpartition("/")[0] != _here():
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (PermissionError, OverflowError):
            pass
        birth = _birth(self.pid)
        return None if birth is None else birth == self.birth


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent dies, be it by ``kill -9``: nobody would read its result.

    Args:
        parent: pid of the process that started this one; if that is gone already, so is this one.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)


@cache
def _here() -> str:
    """The boot and the pid namespace in which pids and start times of this process are comparable."""
    if sys.platform != "linux":
        return sys.platform
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"


def _birth(pid: int) -> str | None:
    """``boot/namespace/ticks since boot``; ends in ``gone`` for a zombie; None if it cannot be read."""
    if sys.platform != "linux":
        return _birth_by_ps(pid)
    try:
        # The command's name may hold anything, spaces and parentheses included.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    gone = fields[_STATE] in {b"Z", b"X"}
    return f"{_here()}/{'gone' if gone else fields[_START_TICKS].decode()}"


def _birth_by_ps(pid: int) -> str | None:
    """The same where there is no /proc, to the second."""
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{_here()}/{done.stdout.strip()}" if done.returncode == 0 else None
