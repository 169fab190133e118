"""How much memory servers of a client's models, and its runs, took at most, in the ledger; measured where they ran."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.fleet.ledger import Ledger
from workbench.fleet.schema import connect, transaction

__all__ = ["Peak", "peak_of", "peak_of_children", "peak_of_nodes", "recall", "record"]

_RECORD = """
    INSERT INTO memory (client, version, peak_mib, measured) VALUES (:client, :version, :peak_mib, :measured)
    ON CONFLICT (client, version) DO UPDATE SET
        peak_mib = max(peak_mib, :peak_mib), measured = CASE WHEN :peak_mib > peak_mib THEN :measured ELSE measured END
"""
_RECALL = (
    "SELECT version, peak_mib, measured FROM memory WHERE client = :client ORDER BY version != :version, version DESC"
)
_OF_NODES = """
    SELECT max(run.peak_mib) AS most FROM done JOIN run ON run.number = done.run
    WHERE done.client = :client AND done.node IN (SELECT value FROM json_each(:nodes))
"""


@dataclass(frozen=True)
class Peak:
    """The most that a server took.

    Attributes:
        version: the only one that it had loaded.
        mib: resident memory, MiB.
        measured: when, ISO 8601.
    """

    version: int
    mib: float
    measured: str


def record(project: Path, client: str, version: int, mib: float) -> None:
    """Keep what a server of one version took, if none has taken more."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with transaction(Ledger.of(project).path) as connection:
        connection.execute(_RECORD, {"client": client, "version": version, "peak_mib": mib, "measured": now})


def recall(project: Path, client: str, version: int) -> Peak | None:
    """What a server of this version took, else of the newest that was measured; None if none was."""
    path = Ledger.of(project).path
    if not path.exists():
        return None
    with connect(path) as connection:
        row = connection.execute(_RECALL, {"client": client, "version": version}).fetchone()
    return Peak(row["version"], row["peak_mib"], row["measured"]) if row else None


def peak_of_nodes(project: Path, client: str, nodes: Collection[str]) -> float | None:
    """What the runs took at most in which nodes were last run, MiB; None if none of them was measured.

    A run is one process, so other nodes of it may be what took the most.
    """
    path = Ledger.of(project).path
    if not path.exists():
        return None
    with connect(path) as connection:
        row = connection.execute(_OF_NODES, {"client": client, "nodes": json.dumps(list(nodes))}).fetchone()
    return None if row["most"] is None else float(row["most"])


def peak_of(pid: int) -> float | None:
    """The most resident memory that a process had until now, MiB; None where the system does not tell.

    Linux does: ``VmHWM`` of proc_pid_status(5). (What getrusage(2) tells of a process that was started by another has
    that other's in it.)
    """
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def peak_of_children() -> float:
    """The same of the largest child of this process that has ended."""
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 1024)
