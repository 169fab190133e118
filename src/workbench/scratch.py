"""Private temporary folders that say whose they are, so that those of the dead can be told from those in use.

A process that is killed (``kill -9``, no memory left) removes nothing. Each folder is named after the process that made
it: its id, when it began, and the namespace of the id (proc(5), ``stat`` and ``ns/pid``), since another container that
shares the folder has other processes under the same ids.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

__all__ = ["PREFIX", "SHORT", "private_folder", "private_path", "sweep_the_dead"]

PREFIX = "workbench-"
SHORT = "/tmp"  # noqa: S108 - what lies in it is private, as all that is made here
"""Where folders go whose path must not be long: the temporary folder's own may be."""
_NAME = re.compile(rf"{PREFIX}[a-z]+-(\d+)\.(\d+)\.(\d+)-\w+")


def private_folder(purpose: str, *, busy: bool = False) -> tempfile.TemporaryDirectory[str]:
    """A folder (mode 0700) that is gone after the ``with`` block.

    Args:
        purpose: one word of a-z, for people who look.
        busy: whether somebody may still write into it when the block ends; what cannot be removed then is no error.
    """
    return tempfile.TemporaryDirectory(prefix=_prefix(purpose), ignore_cleanup_errors=busy)


def private_path(purpose: str, folder: str | None = None) -> Path:
    """A folder (mode 0700) that the caller removes.

    Args:
        purpose: one word of a-z, for people who look.
        folder: what it is made in: :data:`SHORT`, or, by default, the temporary folder.
    """
    return Path(tempfile.mkdtemp(prefix=_prefix(purpose), dir=folder))


def sweep_the_dead() -> list[Path]:
    """Remove this user's folders whose process has ended; of those that are not named so, nobody can tell.

    Returns:
        What was removed.
    """
    namespace = _namespace()
    swept = []
    places = {tempfile.gettempdir(), SHORT}
    for path in (path for place in places for path in Path(place).glob(f"{PREFIX}*")):
        found = _NAME.fullmatch(path.name)
        if not found or found[3] != namespace or path.is_symlink() or _began(int(found[1])) == found[2]:
            continue
        try:
            if path.stat().st_uid == os.getuid():
                shutil.rmtree(path)
                swept.append(path)
        except OSError:
            continue  # another process is sweeping, too
    return swept


def _prefix(purpose: str) -> str:
    began = _began(os.getpid())
    return f"{PREFIX}{purpose}-{os.getpid()}.{began}.{_namespace()}-" if began else f"{PREFIX}{purpose}-"


def _began(pid: int) -> str | None:
    """When a process began, in clock ticks after the machine did; None if there is no such process, or no ``/proc``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = text.rpartition(")")[2].split()  # a program's name may hold blanks and brackets
    return None if state in {"Z", "X"} else rest[18]


def _namespace() -> str:
    try:
        return re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        return ""
