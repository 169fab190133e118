"""An import that was begun, on disk until it has ended: whose it is, and of which archive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.clients import ClientRegistry
from workbench.files import sweep, write_text
from workbench.fleet.ledger import state_folder

__all__ = ["Marker", "content_digest"]


def content_digest(record: Mapping[str, Any]) -> str:
    """Hexadecimal sha256 of an archive's manifest, which has the digest of every file."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


class Marker:
    """``.workbench/imports/<client>.begun``, with the digest of the archive.

    Args:
        project: the project's folder.
        client: its id here.
        digest: of the archive that is to be taken in.
    """

    def __init__(self, project: Path, client: str, digest: str) -> None:
        self.folder = ClientRegistry(project).root / client
        self._path, self._digest = state_folder(project) / "imports" / f"{client}.begun", digest

    def is_there(self) -> bool:
        """Whether an import of the client was begun and has not ended."""
        return self._path.exists()

    def is_done(self) -> bool:
        """Whether this very archive was taken in as a whole, and only the end was not noted."""
        return self.folder.exists() and self.is_there() and self._path.read_text(encoding="utf-8") == self._digest

    def write(self) -> None:
        """It begins."""
        if self._path.parent.is_dir():
            sweep(self._path.parent)  # one import at a time, so that nobody else writes there
        write_text(self._path, self._digest)

    def drop(self) -> None:
        """It has ended."""
        self._path.unlink(missing_ok=True)
