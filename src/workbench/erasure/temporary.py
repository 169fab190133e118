"""Private folders that killed processes left in the system's temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workbench.erasure.needle import Needle
from workbench.erasure.places import files_below
from workbench.erasure.scan import hits_in
from workbench.scratch import PREFIX

__all__ = ["left_behind"]


def left_behind(needle: Needle) -> list[Path]:
    """This user's folders in which it is found, and that no living process has open.

    A folder does not say whose it is: the one of a run of another client must not go, nor one that is in use.
    """
    found = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.getuid() and not _is_open(path):
            files = list(files_below([path]))
            names = (os.fsencode(file.relative_to(path)) for file in files)
            if any(needle.pattern.search(name) for name in names) or any(any(hits_in(file, needle)) for file in files):
                found.append(path)
    return sorted(found)


def _is_open(folder: Path) -> bool:
    return any(link == str(folder) or link.startswith(f"{folder}/") for link in _open_paths())


def _open_paths() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield str((process / "cwd").readlink())
            for descriptor in (process / "fd").iterdir():
                yield str(descriptor.readlink())
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
