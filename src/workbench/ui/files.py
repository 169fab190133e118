"""A client's reports: which there are, and their bytes. Nothing outside of their folder is reached, nor by a link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["KINDS", "Report", "read_report", "reports_of"]

KINDS = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf"}
LONGEST = 64 * 2**20
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(?:html|pdf)")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class Report:
    """A file that a person may open."""

    name: str
    bytes: int
    made: datetime


def reports_of(root: Path, folders: Sequence[str]) -> list[Report]:
    """The reports that lie in a folder, by name; none if there is no such folder."""
    found = []
    with suppress(OSError), _opened(root, folders) as folder:
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - of this very folder, whatever its name is now
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if _NAME.fullmatch(name) and stat.S_ISREG(about.st_mode):
                found.append(Report(name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC)))
    return found


def read_report(root: Path, folders: Sequence[str], name: str) -> bytes | None:
    """A report's bytes.

    Every step below the root is opened from the one before it and follows no link, so what is read is what lies there
    under this very name, also while somebody renames things.

    Args:
        root: the folder to begin at; it may be a link, which is the operator's own.
        folders: the way down, one name each.
        name: of the file.

    Returns:
        None if there is no such plain file, or it is no report.
    """
    if not _NAME.fullmatch(name):
        return None
    with (
        suppress(OSError),
        _opened(root, folders) as folder,
        os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as stream,
    ):
        about = os.fstat(stream.fileno())
        if stat.S_ISREG(about.st_mode) and about.st_size <= LONGEST:
            return stream.read(LONGEST)
    return None


@contextmanager
def _opened(root: Path, folders: Sequence[str]) -> Iterator[int]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for one in folders:
            if one in {"", ".", ".."} or "/" in one or "\0" in one:
                raise FileNotFoundError(one)
            below = os.open(one, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
