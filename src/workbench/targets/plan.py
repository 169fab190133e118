"""What an apply would do: a diff between what there is to be and what there is. Nothing is changed by looking."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from workbench.errors import TargetError
from workbench.targets.cost import Cost
from workbench.targets.protocol import Fact, Found, Part, Target
from workbench.targets.release import Release

__all__ = ["Action", "Plan", "Step", "differences", "refuse_anothers", "step_of"]

Action = Literal["create", "adopt", "change", "keep", "delete"]


@dataclass(frozen=True)
class Step:
    """What happens to one part.

    Attributes:
        action: ``adopt`` is a part that an interrupted run has begun.
        changes: fact to (what it is, what it will be).
    """

    action: Action
    kind: str
    name: str
    version: int | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    changes: Mapping[str, tuple[Fact | None, Fact]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "facts": dict(self.facts), "changes": {k: list(v) for k, v in self.changes.items()}}


@dataclass(frozen=True)
class Plan:
    """What an apply of a release would do.

    Attributes:
        release: what is to be served.
        target: the target's name; ``where``, for a person.
        steps: in order.
        traffic: version to percentage now; ``then``, after the apply.
        cost: of one version a month.
        served: how many versions are up after the apply, which is what the bill counts.
        budget: what the client's configuration allows a month; None: nothing is said.
    """

    release: Release
    target: str
    where: str
    steps: tuple[Step, ...]
    traffic: Mapping[int, int]
    then: Mapping[int, int]
    cost: Cost
    served: int
    budget: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether everything is as it is to be."""
        return all(step.action == "keep" for step in self.steps) and dict(self.traffic) == dict(self.then)

    @property
    def monthly(self) -> float:
        """What all versions that are up cost together."""
        return self.cost.monthly * self.served

    @property
    def digest(self) -> str:
        """Names the plan; another state of things is another digest."""
        what = [step.to_dict() for step in self.steps], sorted(self.traffic.items()), self.release.sha256
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "client": self.release.client,
            "target": self.target,
            "where": self.where,
            "version": self.release.version,
            "sha256": self.release.sha256,
            "digest": self.digest,
            "is_empty": self.is_empty,
            "steps": [step.to_dict() for step in self.steps],
            "traffic": {str(version): share for version, share in sorted(self.traffic.items())},
            "then": {str(version): share for version, share in sorted(self.then.items())},
            "monthly": round(self.monthly, 2),
            "currency": self.cost.currency,
            "prices_of": self.cost.day,
            "unknown": list(self.cost.unknown),
            "budget": self.budget,
        }


def step_of(part: Part, found: Found | None, *, begun: bool) -> Step:
    """What an apply has to do to a part.

    Args:
        part: what there is to be.
        found: what there is.
        begun: whether the ledger says that somebody began to make it.
    """
    facts = dict(part.wanted)
    if found is None:
        return Step("adopt" if begun else "create", part.kind, part.name, part.version, facts)
    changes = differences(part, found)
    if changes:
        return Step("change", part.kind, part.name, part.version, facts, changes)
    return Step("adopt" if begun or not found.ready else "keep", part.kind, part.name, part.version, facts)


def differences(part: Part, found: Found) -> dict[str, tuple[Fact | None, Fact]]:
    """The facts that are not as they are wanted: name to (is, will be); what the service does not tell is left out."""
    return {
        name: (found.facts[name], wanted)
        for name, wanted in part.wanted.items()
        if name in found.facts and found.facts[name] != wanted
    }


def refuse_anothers(target: Target, client: str, part: Part, found: Found) -> None:
    """Refuse a thing that bears our name and is another's.

    Raises:
        TargetError: its labels say that it is not this client's, or not the workbench's.
    """
    if found.labels is None or found.labels.get("client") == client:
        return
    raise TargetError(
        f"{part.kind} '{part.name}' is there, and is not this client's (its labels do not say so)",
        where=f"client {client}, target {target.name} ({target.where})",
        hint="remove or rename it there, or take another account; nothing of it was changed",
    )


def counted(traffic: Mapping[int, int], versions: Sequence[int]) -> int:
    """How many versions are up."""
    return len({*traffic, *versions})
