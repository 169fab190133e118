"""Whether what is served answers as the model does that was registered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeGuard

from workbench.errors import TargetError
from workbench.targets.protocol import Answered, Target
from workbench.targets.release import Release
from workbench.targets.working import Work

__all__ = ["Compare", "Smoke", "difference", "smoke"]

ASKS = 400
"""How often a target is asked that chooses the version itself. One with 2 % of the traffic is missed once in 3,000."""

_CLEARLY = 0.51
"""A probability beyond it is no matter of rounding."""


@dataclass(frozen=True)
class Smoke:
    """The comparison.

    Attributes:
        rows: how many were asked.
        difference: the largest of them; of probabilities, or of a regression's numbers. Of texts, by how much the mean
            score is below that of what serves now.
        tolerance: what it may be.
        asked: how many requests it took until the version answered.
        says: of texts, what was compared with what; of predictions "".
    """

    version: int
    rows: int
    difference: float
    tolerance: float
    asked: int
    says: str = ""

    @property
    def ok(self) -> bool:
        """Whether the version answers as it is to."""
        return self.difference <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "ok": self.ok}


class Compare(Protocol):
    """How a version is compared before it gets traffic."""

    def __call__(self, work: Work, target: Target, release: Release, *, tolerance: float) -> Smoke:
        """Ask the target; see :func:`smoke`."""


def smoke(work: Work, target: Target, release: Release, *, tolerance: float) -> Smoke:
    """Ask the target for the release's own example rows.

    Raises:
        TargetError: the version has not answered at all.
    """
    if not release.rows:
        raise TargetError(
            "there are no example rows to compare answers with",
            where=f"client {release.client}, model version {release.version}",
            hint=f"register it again with `kedro run --env clients/{release.client} --pipeline register`",
        )
    answered = Answered(-1, ())
    for asked in range(1, 2 if target.can_pin else ASKS + 1):
        answered = work.ask(lambda: target.predict(release.rows, release.version))
        if answered.version == release.version:
            largest = difference(answered.predictions, release.expected)
            return Smoke(release.version, len(release.rows), largest, tolerance, asked)
    raise TargetError(
        f"version {release.version} did not answer; the last answer was version {answered.version}'s",
        where=f"client {release.client}, target {target.name} ({target.where})",
        hint=f"see `kedro deploy status --env clients/{release.client} --target {target.name}`",
    )


def difference(answers: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> float:
    """The largest difference between two lists of predictions; infinite if they do not have the same form.

    Of classifiers the probabilities are compared, and a class with a probability that differs too little to matter may
    be another one: at one half, a rounding decides it. A class that has clearly more than half is the only one that can
    be said, so it has to be the same; without probabilities, all have to be.
    """
    if len(answers) != len(expected):
        return math.inf
    return max((_of_row(one, other) for one, other in zip(answers, expected, strict=True)), default=0.0)


def _of_row(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    name = "probability" if "probability" in other else "prediction"
    value, wanted = one.get(name), other[name]
    if not _is_number(value) or not _is_number(wanted):
        return 0.0 if type(value) is type(wanted) and value == wanted else math.inf
    if name == "probability" and wanted > _CLEARLY and one.get("prediction") != other.get("prediction"):
        return math.inf
    return abs(value - wanted) if math.isfinite(value) else math.inf


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
