"""Are a client's files, byte for byte, what its runs left? The ledger knows the sha256 of each.

A flipped bit that still decodes is seen by nothing else: neither size nor time of the file changes, and a run takes it
for the one of before, unread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.files import sha256_of_file, sha256_of_folder
from workbench.fingerprints.stamps import Digests
from workbench.fleet.ledger import Ledger
from workbench.fleet.schema import connect

__all__ = ["Checked", "verify"]

State = Literal["whole", "damaged", "changed", "missing"]


@dataclass(frozen=True)
class Checked:
    """One file or folder.

    Attributes:
        path: relative to the project.
        state: ``damaged`` where the bytes are others although nobody wrote it, by its size, time and inode;
            ``changed`` where somebody did, and no run.
    """

    path: str
    state: State

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def verify(project: Path, client: str) -> Iterator[Checked]:
    """Read every file that the client's runs have read or written, and compare its digest with the ledger's.

    What no node's result depends on any more is left out: files are replaced, and the ledger keeps the last of each.

    Raises:
        StorageError: the ledger cannot be read.
    """
    path = Ledger.of(project).path
    if not path.exists():
        return
    with connect(path) as connection:
        rows = connection.execute(
            "SELECT path, stamps, sha256 FROM digest WHERE client = ? ORDER BY path", (client,)
        ).fetchall()
    for row in rows:
        yield Checked(row["path"], _state(project / row["path"], row["stamps"], row["sha256"]))


def _state(path: Path, stamps: str, sha256: str) -> State:
    if not path.exists():
        return "missing"
    # Not `sha256_of_path`, which reads a file once a process if it looks the same.
    if (sha256_of_folder(path) if path.is_dir() else sha256_of_file(path)) == sha256:
        return "whole"
    return "damaged" if json.loads(Digests.stamps_of(path)) == json.loads(stamps) else "changed"
