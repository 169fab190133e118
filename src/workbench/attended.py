"""Commands whose process does not outlive the one that waits for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["attended"]

_START = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""PR_SET_PDEATHSIG is 1 in <linux/prctl.h>, and stays over an execve(2) (prctl(2)). Who died before it was asked for is
not the parent any more. Python ignores two signals that a program is to have as they are."""


def attended(command: Sequence[str]) -> list[str]:
    """The command to start in place of another, so that the system kills it when the thread that started it ends.

    A process in a session of its own is not reached by what kills its parent's, and ``kill -9`` lets nobody tidy up: it
    would go on, and hold its client's lock. What it has started itself, it has to start like this, too. Elsewhere than
    on Linux the command is what it was.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _START, str(os.getpid()), *command]
