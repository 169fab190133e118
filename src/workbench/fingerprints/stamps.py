"""Digests of files and folders, which are read again only if a file's size, time or inode is another.

A durable write gives a file a new inode, so that it is seen even within one tick of the clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from workbench.files import sha256_of_path

__all__ = ["Digests", "Stamp", "stamp_of"]


class Stamp(NamedTuple):
    """What tells, without reading it, that a file is the one of before."""

    size: int
    mtime_ns: int
    inode: int


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file; raises ``OSError`` if it is not there."""
    stat = path.stat()
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ino)


class Digests:
    """The digests of one client's files.

    Args:
        project: names are relative to it, so that they hold after the project was moved.
        known: name to (stamps as text, digest), from before.

    Attributes:
        new: what was added since.
    """

    def __init__(self, project: Path, known: Mapping[str, tuple[str, str]]) -> None:
        self._project, self._known = project.resolve(), dict(known)
        self.new: dict[str, tuple[str, str]] = {}

    def __call__(self, path: Path) -> str | None:
        """Hexadecimal sha256 of the bytes; of a folder, of the names and bytes of its files. None if it is missing."""
        try:
            stamps = self.stamps_of(path)
        except OSError:
            return None
        name = self._name(path)
        known = self._known.get(name)
        if known is not None and known[0] == stamps:
            return known[1]
        digest = sha256_of_path(path)
        self._known[name] = self.new[name] = (stamps, digest)
        return digest

    @staticmethod
    def stamps_of(path: Path) -> str:
        """The stamps of a file, or of all files of a folder, as the ledger keeps them; raises ``OSError``."""
        if not path.is_dir():
            return json.dumps(stamp_of(path))
        files = sorted(item for item in path.rglob("*") if item.is_file())
        return json.dumps([[str(file.relative_to(path)), *stamp_of(file)] for file in files])

    def _name(self, path: Path) -> str:
        full = path.absolute()
        return str(full.relative_to(self._project) if full.is_relative_to(self._project) else full)
