"""A disk that is full."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ROOM", "fill"]

ROOM = 100_000
"""Bytes that are left on it: whoever writes more fails in the middle."""


def fill(folder: Path) -> Path:
    """Write zeros until there is no more room, and leave a little; the file that takes it all."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(65_536)):
                pass
        except OSError:
            stream.truncate(max(0, path.stat().st_size - ROOM))
    return path
