"""What the nodes of a client have left, in the ledger: the memory that :mod:`workbench.fingerprints` judges by."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from workbench.files import write_text
from workbench.fingerprints.code import Sources
from workbench.fingerprints.facts import Facts
from workbench.fingerprints.reasons import Done
from workbench.fingerprints.stamps import Digests
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.schema import connect

__all__ = ["Memory", "load_sources", "node_seconds", "save_sources"]

FLUSH_SECONDS = 0.5
"""A row costs a write that waits for the disk; a crash may cost the nodes of this long, which are then run again."""

_DONE = """
    INSERT INTO done (client, node, fingerprint, facts, outputs, run, seconds) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (client, node) DO UPDATE SET fingerprint = excluded.fingerprint, facts = excluded.facts,
        outputs = excluded.outputs, run = excluded.run, seconds = excluded.seconds
"""
_DIGEST = """
    INSERT INTO digest (client, path, stamps, sha256) VALUES (?, ?, ?, ?)
    ON CONFLICT (client, path) DO UPDATE SET stamps = excluded.stamps, sha256 = excluded.sha256
"""


class Memory:
    """What is known of one client's nodes and files.

    Every method raises what :func:`workbench.fleet.schema.connect` raises. Only who holds the client's lock writes.

    Args:
        project: the project's folder.
        client: a registered client.
        run: the number of the run that writes.
    """

    def __init__(self, project: Path, client: str, run: int = 0) -> None:
        self._path, self._client, self._run = Ledger.of(project).path, client, run
        self._rows: list[tuple[Any, ...]] = []
        self._codes: dict[str, str] = {}
        self._written = time.monotonic()
        self.done: dict[str, Done] = {}
        known: dict[str, tuple[str, str]] = {}
        if self._path.exists():
            with connect(self._path) as connection:
                for row in connection.execute("SELECT * FROM done WHERE client = ?", (client,)):
                    outputs = json.loads(row["outputs"])
                    self.done[row["node"]] = Done(row["fingerprint"], json.loads(row["facts"]), outputs)
                found = connection.execute("SELECT path, stamps, sha256 FROM digest WHERE client = ?", (client,))
                known = {row["path"]: (row["stamps"], row["sha256"]) for row in found}
        self.digests = Digests(project, known)

    def files_of(self, code: str) -> Mapping[str, str]:
        """The files behind a digest of code, and their digests; empty if they are not known."""
        if not self._path.exists():
            return {}
        with connect(self._path) as connection:
            row = connection.execute("SELECT files FROM code WHERE digest = ?", (code,)).fetchone()
        return dict(json.loads(row["files"])) if row else {}

    def add(self, node: str, facts: Facts, outputs: Mapping[str, str | None], seconds: float) -> None:
        """Note that a node has ended well. What cannot be seen as a whole is not noted."""
        if facts.fingerprint is None:
            return
        parts = facts.to_dict()
        self.done[node] = Done(facts.fingerprint, parts, outputs)
        texts = (json.dumps(parts), json.dumps(dict(outputs)))
        self._rows.append((self._client, node, facts.fingerprint, *texts, self._run, round(seconds, 3)))
        self._codes[facts.code.digest] = json.dumps(dict(facts.code.files))
        if time.monotonic() - self._written > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was noted, all of it or nothing."""
        digests, self.digests.new = self.digests.new, {}
        if self._rows or digests:
            with connect(self._path) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_DONE, self._rows)
                connection.executemany(
                    _DIGEST, [(self._client, path, stamps, digest) for path, (stamps, digest) in digests.items()]
                )
                connection.executemany("INSERT OR IGNORE INTO code VALUES (?, ?)", self._codes.items())
                connection.execute("COMMIT")
        self._rows, self._codes, self._written = [], {}, time.monotonic()


def node_seconds(project: Path, client: str) -> dict[str, float]:
    """Seconds that each node of a client took when it last ran."""
    path = Ledger.of(project).path
    if not path.exists():
        return {}
    with connect(path) as connection:
        rows = connection.execute("SELECT node, seconds FROM done WHERE client = ?", (client,))
        return {row["node"]: row["seconds"] for row in rows}


@cache
def load_sources(project: Path, package: Path) -> Sources:
    """The source files of a project's package and of the workbench; what an earlier process has read is not read again.

    One a process: forks of a warm one have it from there.

    Args:
        project: the project's folder.
        package: the folder of the project's own package.
    """
    import workbench

    roots = {package.name: package, "workbench": Path(workbench.__path__[0])}
    sources = Sources(project, roots, mute=("workbench.clients",), aside=("workbench.fingerprints",))
    with suppress(OSError, ValueError, AttributeError):  # it only saves time
        sources.remember(json.loads(_scans(project).read_text(encoding="utf-8")))
    return sources


def save_sources(sources: Sources, project: Path) -> None:
    """Keep what was read for the next process."""
    if sources.is_changed:
        write_text(_scans(project), json.dumps(sources.remembered()))
        sources.is_changed = False


def _scans(project: Path) -> Path:
    return state_folder(project) / "sources.json"
