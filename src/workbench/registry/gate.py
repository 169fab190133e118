"""The gate between a challenger and the champion: a pure decision, with its reasons.

1. Every check of the evaluation must have passed.
2. Against a champion that predicted the same held-out rows, the challenger must be better by the client's margin, in
   the metric's direction. A tie keeps the champion, also when the margin is 0.
3. Where there is no champion, or it cannot be compared (it lacks a column, it cannot be read), the challenger must be
   better than the baseline that always says the commonest class, or the mean.

All rules are looked at, so that the reasons name everything that stands in the way, not only the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

__all__ = ["ALREADY", "EQUAL", "Champion", "Comparison", "Verdict", "decide"]

ALREADY = "already champion"

EQUAL = 1e-9
"""Two values of a metric that are nearer than this, as a share of the larger one (or of 1, if both are smaller), are
equal: they differ by the order of a sum only."""


@dataclass(frozen=True)
class Champion:
    """What the gate has to know about the present champion.

    Attributes:
        version: its version in the registry.
        value: its primary metric on the challenger's held-out rows; None if it could not predict them.
        problem: why it could not.
        is_challenger: whether it is the very model that is to be judged.
    """

    version: int
    value: float | None
    problem: str = ""
    is_challenger: bool = False


@dataclass(frozen=True)
class Comparison:
    """The primary metric, and what each had of it on the same held-out rows.

    Attributes:
        metric: its name.
        higher_is_better: its direction.
        margin: by how much a challenger must be better; not negative.
        challenger: the challenger's value.
        baseline: the majority's (or the mean's); None if it has none.
        champion: the present champion; None if there is none.
    """

    metric: str
    higher_is_better: bool
    margin: float
    challenger: float | None
    baseline: float | None
    champion: Champion | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision.

    Attributes:
        promote: whether the alias ``champion`` moves to the challenger.
        reasons: why, one sentence each, the decisive one first.
        comparison: what was compared.
        failed_checks: the checks that did not pass.
    """

    promote: bool
    reasons: tuple[str, ...]
    comparison: Comparison
    failed_checks: tuple[str, ...] = ()

    @property
    def decision(self) -> str:
        """``promoted``, ``kept`` (the champion stays), or ``already champion``."""
        champion = self.comparison.champion
        if champion is not None and champion.is_challenger:
            return ALREADY
        return "promoted" if self.promote else "kept"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN and no infinity: they become null."""
        compared = asdict(replace(self.comparison, challenger=_finite(self.comparison.challenger)))
        return {
            "decision": self.decision,
            "promote": self.promote,
            "reasons": list(self.reasons),
            "failed_checks": list(self.failed_checks),
            **compared,
        }


def decide(comparison: Comparison, checks: Mapping[str, bool]) -> Verdict:
    """Judge a challenger.

    Args:
        comparison: the values on the same held-out rows.
        checks: the checks of the evaluation, by name; a check that is not ``True`` did not pass.
    """
    champion = comparison.champion
    if champion is not None and champion.is_challenger:
        return Verdict(False, (f"version {champion.version} already is the champion",), comparison)
    failed = tuple(sorted(name for name, passed in checks.items() if passed is not True))
    against = [f"check '{name}' failed" for name in failed]
    favour: list[str] = []
    rival = _against_baseline if champion is None or champion.value is None else _against_champion
    sentence, better = rival(comparison)
    (favour if better else against).append(sentence)
    if champion is None:
        favour.append("there is no champion yet")
    elif champion.value is None:
        note = f"champion version {champion.version} cannot be compared: {champion.problem or 'it has no value'}"
        (against or favour).append(note)
    if against:
        return Verdict(False, tuple(against), comparison, failed)
    return Verdict(True, (*favour, f"all {len(checks)} checks passed" if checks else "no check was made"), comparison)


def _against_champion(comparison: Comparison) -> tuple[str, bool]:
    champion = comparison.champion
    assert champion is not None  # noqa: S101 - the caller's choice of function says so
    who = f"champion version {champion.version}"
    gain = _gain(comparison, champion.value)
    if gain is None or champion.value is None:
        return f"{comparison.metric} is undefined for the challenger or for {who}", False
    values = f"{comparison.challenger:.6g} against {champion.value:.6g}"
    margin = f"a margin of {comparison.margin:g}"
    if gain <= 0:
        how = "ties with" if gain == 0 else "is worse than"
        return f"{comparison.metric} {values}: the challenger {how} {who}", False
    if gain < comparison.margin and not math.isclose(gain, comparison.margin, rel_tol=EQUAL, abs_tol=EQUAL):
        return f"{comparison.metric} {values}: better than {who} by {gain:.6g}, but {margin} is asked for", False
    return f"{comparison.metric} {values}: better than {who} by {gain:.6g}, with {margin}", True


def _against_baseline(comparison: Comparison) -> tuple[str, bool]:
    gain = _gain(comparison, comparison.baseline)
    if gain is None:
        return f"{comparison.metric} is undefined for the challenger or for the majority baseline", False
    values = f"{comparison.metric} {comparison.challenger:.6g} against {comparison.baseline:.6g}"
    if gain <= 0:
        return f"{values}: not better than the majority baseline", False
    return f"{values}: better than the majority baseline", True


def _gain(comparison: Comparison, other: float | None) -> float | None:
    """By how much the challenger is better than another value; 0 if they are equal, None if one is not a number."""
    mine = comparison.challenger
    if mine is None or other is None or not (math.isfinite(mine) and math.isfinite(other)):
        return None
    if math.isclose(mine, other, rel_tol=EQUAL, abs_tol=EQUAL):
        return 0.0
    return mine - other if comparison.higher_is_better else other - mine


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
