"""How much memory servers of a client's models took at most, in the ledger; measured where they ran."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.fleet.ledger import Ledger
from workbench.fleet.schema import connect, transaction

__all__ = ["Peak", "peak_of", "peak_of_children", "recall", "record"]

_RECORD = """
    INSERT INTO memory (client, version, peak_mib, measured) VALUES (:client, :version, :peak_mib, :measured)
    ON CONFLICT (client, version) DO UPDATE SET
        peak_mib = max(peak_mib, :peak_mib), measured = CASE WHEN :peak_mib > peak_mib THEN :measured ELSE measured END
"""
_RECALL = (
    "SELECT version, peak_mib, measured FROM memory WHERE client = :client ORDER BY version != :version, version DESC"
)


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


def peak_of(pid: int) -> float | None:
    """The most resident memory that a process had until now, MiB; None where the system does not tell.

    Linux does: ``VmHWM`` of proc_pid_status(5).
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
