"""What a worker tells its parent: how far it is, one JSON object a line, over a pipe that nothing else writes to."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass, replace

__all__ = ["Lines", "Progress", "begin", "node_begins", "node_ended", "node_skipped", "open_channel", "tell"]

MAX_NAME = 200
MAX_LINE = 4096
"""PIPE_BUF of Linux: a shorter line is written as a whole, whichever thread writes it."""

_channel: int | None = None
_done, _total = 0, 0


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: nodes that ended.
        total: nodes of the pipeline.
        node: the one that runs, or ran last; empty before the first.
    """

    done: int
    total: int
    node: str


def open_channel(descriptor: int) -> None:
    """Make :func:`tell` of this process write to a pipe; processes that it starts do not inherit it."""
    global _channel  # noqa: PLW0603 - a process has one parent
    os.set_inheritable(descriptor, False)
    _channel = descriptor


def tell(progress: Progress) -> None:
    """Tell the parent; does nothing in a process that is no worker."""
    if _channel is None:
        return
    line = json.dumps(asdict(replace(progress, node=progress.node[:MAX_NAME])))
    try:
        os.write(_channel, line.encode() + b"\n")
    except BrokenPipeError:
        # The parent is gone. Linux has ended this process by now; elsewhere it ends itself.
        signal.raise_signal(signal.SIGTERM)


def begin(total: int) -> Progress:
    """A run of so many nodes begins."""
    global _done, _total
    _done, _total = 0, total
    return Progress(_done, _total, "")


def node_begins(name: str) -> Progress:
    """A node begins."""
    return Progress(_done, _total, name)


def node_skipped() -> None:
    """Count a node that was skipped; the parent hears of it with the next one that is not."""
    global _done  # noqa: PLW0603
    _done += 1


def node_ended(name: str) -> Progress:
    """Count a node that has ended."""
    global _done  # noqa: PLW0603
    _done += 1
    return Progress(_done, _total, name)


class Lines:
    """Puts together what arrives in pieces. What is not a :class:`Progress` is left out: a worker may be broken."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Progress]:
        """The events that are complete with these bytes."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-MAX_LINE:]
        return [event for event in map(_parse, lines) if event is not None]


def _parse(line: bytes) -> Progress | None:
    try:
        match json.loads(line):
            case {"done": int(done), "total": int(total), "node": str(node)}:
                return Progress(done, total, "".join(filter(str.isprintable, node))[:MAX_NAME])
    except (ValueError, RecursionError):
        pass
    return None
