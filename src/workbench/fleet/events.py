"""What a worker tells its parent: how far it is, one JSON object a line, over a socket that nothing else writes to.

And what it is told: one byte, when it is its turn to run nodes.
"""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, dataclass, replace
from typing import Literal, get_args

__all__ = [
    "TURN",
    "Lines",
    "Phase",
    "Progress",
    "await_turn",
    "begin",
    "node_begins",
    "node_ended",
    "node_skipped",
    "open_channel",
    "reaches",
    "tell",
]

TURN = b"."
"""What the parent sends when it is a worker's turn."""


Phase = Literal["", "ready", "leaving"]
PHASES: tuple[Phase, ...] = get_args(Phase)

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
        phase: empty while nodes run; "ready": all that comes before the first is done; "leaving": all of them have run,
            what they made is saved, and the process has only to take its leave.
    """

    done: int
    total: int
    node: str
    phase: Phase = ""


def open_channel(descriptor: int) -> None:
    """Make :func:`tell` of this process write to a socket; processes that it starts do not inherit it."""
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
        _parent_is_gone()


def await_turn() -> None:
    """Wait until nodes may be run; does nothing in a process that is no worker."""
    if _channel is not None and os.read(_channel, len(TURN)) != TURN:
        _parent_is_gone()


def _parent_is_gone() -> None:
    # Linux has ended this process by now; elsewhere it ends itself.
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


def reaches(phase: Phase) -> Progress:
    """No node runs yet, or any more; see :class:`Progress`."""
    return Progress(_done, _total, "", phase)


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
            case {"done": int(done), "total": int(total), "node": str(node), **rest}:
                name = "".join(filter(str.isprintable, node))[:MAX_NAME]
                phase = next((phase for phase in PHASES if phase == rest.get("phase")), PHASES[0])
                return Progress(done, total, name, phase)
    except (ValueError, RecursionError):
        pass
    return None
