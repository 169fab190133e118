"""What there is of a client at a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.targets.book import Rollout

__all__ = ["PartStatus", "Status"]


@dataclass(frozen=True)
class PartStatus:
    """One part.

    Attributes:
        ledger: its state in the ledger.
        state: at the target: ``ready``, ``working``, ``missing``.
        id: the service's own name of it.
    """

    kind: str
    name: str
    version: int | None
    ledger: str
    state: str
    id: str


@dataclass(frozen=True)
class Status:
    """A client at a target.

    Attributes:
        traffic: version to percentage.
        rollout: which version plays which part.
        parts: in the order in which they were made.
        caution: what a person has to know of the traffic there.
    """

    client: str
    target: str
    where: str
    traffic: Mapping[int, int]
    rollout: Rollout
    parts: tuple[PartStatus, ...]
    caution: str = ""

    @property
    def ok(self) -> bool:
        """Whether all that the ledger knows is there, and ready."""
        return all(part.state == "ready" for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "client": self.client,
            "target": self.target,
            "where": self.where,
            "ok": self.ok,
            "traffic": {str(version): share for version, share in sorted(self.traffic.items())},
            "stable": self.rollout.stable,
            "candidate": self.rollout.candidate,
            "previous": self.rollout.previous,
            "parts": [vars(part) for part in self.parts],
            "caution": self.caution,
        }
