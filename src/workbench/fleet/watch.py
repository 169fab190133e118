"""Whether a worker has overstepped a limit: told by its parent, since a worker that hangs cannot tell."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.fleet.events import Progress
from workbench.fleet.limits import Limits

__all__ = ["Overstep", "Watch", "unshared_mb"]

MEMORY_SECONDS = 0.25
"""How often memory is looked at: for each page that a process has, the kernel has to look once."""


@dataclass(frozen=True)
class Overstep:
    """A limit that was overstepped.

    Attributes:
        sentence: which, by what, in which node.
        at_once: whether there is no time to ask the worker first.
    """

    sentence: str
    at_once: bool


class Watch:
    """Looks after one worker.

    Args:
        client: whose worker it is.
        limits: what it may take.
    """

    def __init__(self, client: str, limits: Limits) -> None:
        self._client, self._limits = client, limits
        self._begun = self._node_begun = time.monotonic()
        self._node = ""
        self._looked = 0.0

    def begin(self) -> None:
        """Count from now: it is the worker's turn."""
        self._begun = self._node_begun = time.monotonic()

    def heard(self, progress: Progress) -> None:
        """The worker told how far it is."""
        if progress.node != self._node:
            self._node, self._node_begun = progress.node, time.monotonic()

    def look(self, pid: int | None) -> Overstep | None:
        """Whether it has overstepped one of its limits by now.

        Args:
            pid: the worker's, if it is known.
        """
        now, limits = time.monotonic(), self._limits
        if limits.timeout is not None and now - self._begun > limits.timeout:
            return self._too_long("the run", "timeout", limits.timeout)
        if self._node and limits.node_timeout is not None and now - self._node_begun > limits.node_timeout:
            return self._too_long("the node", "node_timeout", limits.node_timeout)
        if limits.memory_mb is not None and pid is not None and now - self._looked > MEMORY_SECONDS:
            self._looked = now
            used = unshared_mb(pid)
            if used > limits.memory_mb:
                return Overstep(
                    f"{self._where()}: it has taken {used:,.0f} MB, and memory_mb allows {limits.memory_mb:,.0f}; "
                    f"it was killed. Next: raise memory_mb in conf/clients/{self._client}/fleet.yml",
                    at_once=True,
                )
        return None

    def _too_long(self, what: str, key: str, allowed: float) -> Overstep:
        hint = f"raise {key} in conf/clients/{self._client}/fleet.yml, or see its log"
        return Overstep(f"{self._where()}: {what} took longer than {key}: {allowed:g} s. Next: {hint}", at_once=False)

    def _where(self) -> str:
        return f"client {self._client}" + (f", node {self._node}" if self._node else "")


def unshared_mb(pid: int) -> float:
    """Megabytes that a process has for itself, in memory or swapped out; a fork shares the rest. 0 if it is gone."""
    kilobytes = 0
    if sys.platform == "linux":
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith(("Private_", "Swap:")):
                    kilobytes += int(line.split()[1])
    return kilobytes / 1024
