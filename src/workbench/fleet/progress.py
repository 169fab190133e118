"""How far each client's run is, for who looks on from outside: ``kedro fleet ui``, on whatever started the run."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from workbench.fleet.events import MAX_NAME, Lines, Progress

__all__ = ["forget_progress", "leave_progress", "progress_of"]

_LONGEST = 4096


def leave_progress(state: Path, client: str, number: int, progress: Progress) -> None:
    """Write down how far a run is; the client's lock must be held.

    It is not flushed to the device, because after a power cut it is worth nothing, and it is overwritten where it lies:
    a rename over a file makes ext4 write at once. All lines are of one length, so none leaves a rest of the one before.
    One file a client, so a run that is killed leaves no more than the next one overwrites. That it cannot be written is
    no reason to fail a run.
    """
    told = replace(progress, node=progress.node[:MAX_NAME])
    line = json.dumps({"number": number, **asdict(told)}).ljust(_LONGEST - 1) + "\n"
    path = _path(state, client)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            os.pwrite(descriptor, line.encode(), 0)
        finally:
            os.close(descriptor)


def forget_progress(state: Path, client: str) -> None:
    """Remove it at the end of a run."""
    with suppress(OSError):
        _path(state, client).unlink(missing_ok=True)


def progress_of(state: Path, client: str, number: int) -> Progress | None:
    """How far a run is; None if it has not told, or the file is another run's."""
    try:
        descriptor = os.open(_path(state, client), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read(_LONGEST)
        if json.loads(content)["number"] != number:
            return None
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
    return next(iter(Lines().feed(content)), None)


def _path(state: Path, client: str) -> Path:
    return state / "progress" / f"{client}.json"
