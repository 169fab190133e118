"""The last verdict on a client's champion, for commands and pages that show it; nothing heavy is imported."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FILE", "Latest", "latest"]

FILE = "08_reporting/monitor.json"
_LARGEST = 4 * 2**20
_VERDICTS = frozenset({"steady", "watch", "retrain"})


@dataclass(frozen=True)
class Latest:
    """What ``monitor`` said.

    Attributes:
        verdict: steady, watch or retrain.
        version: of the model that it is about, which may be champion no more.
        made: UTC, ISO 8601.
        reason: the first one; empty if all is steady.
    """

    verdict: str
    version: int
    made: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self).copy()


def latest(project: Path, client: str) -> Latest | None:
    """The last verdict; None if there is none, or its file is not what ``monitor`` writes."""
    path = project / "data" / client / FILE
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST:
            return None
        record = json.loads(path.read_text(encoding="utf-8"))
        reasons = list(record["reasons"])
        found = Latest(
            record["verdict"], int(record["version"]), str(record["made"]), reasons[0]["sentence"] if reasons else ""
        )
    except (OSError, ValueError, RecursionError, KeyError, TypeError, IndexError):
        return None
    return found if found.verdict in _VERDICTS and record.get("client") == client else None
