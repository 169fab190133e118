"""What a command that changes something has done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.targets.book import Rollout
from workbench.targets.smoke import Smoke

__all__ = ["Done"]


@dataclass(frozen=True)
class Done:
    """What a command has done.

    Attributes:
        changed: whether anything was.
        traffic: version to percentage, as it is now.
        rollout: which version plays which part.
        smoke: the comparison with the registered model, if one was made.
        removed: versions that were taken down.
    """

    changed: bool
    traffic: Mapping[int, int]
    rollout: Rollout
    smoke: Smoke | None = None
    removed: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "changed": self.changed,
            "traffic": {str(version): share for version, share in sorted(self.traffic.items())},
            "stable": self.rollout.stable,
            "candidate": self.rollout.candidate,
            "previous": self.rollout.previous,
            "smoke": self.smoke.to_dict() if self.smoke else None,
            "removed": list(self.removed),
        }
