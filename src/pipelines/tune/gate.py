"""The gate of tuned models: better than their base, and than the champion, on the same held-out examples."""

from __future__ import annotations

import math

from pipelines.tune.parameters import GateSettings
from workbench.registry.gate import EQUAL, Champion, Comparison, Verdict

__all__ = ["decide"]


def decide(
    settings: GateSettings, *, tuned: float | None, base: float | None, champion: Champion | None, examples: int
) -> Verdict:
    """Judge a tuned model; all rules are looked at, so that the reasons name everything that stands in the way.

    Args:
        settings: metric and margin; every metric is better when it is higher.
        tuned: the metric of the tuned model; None if it is undefined, as the judge's is without a grade.
        base: of its base.
        champion: the present champion, with its value on the same examples.
        examples: how many held-out examples there were.
    """
    comparison = Comparison(settings.metric, True, settings.margin, tuned, base, champion)
    if champion is not None and champion.is_challenger:
        return Verdict(False, (f"version {champion.version} already is the champion",), comparison)
    checks = {"better_than_base": _beats("the base model", settings, tuned, base)}
    if champion is not None and champion.value is not None:
        rival = f"champion version {champion.version}"
        checks["better_than_champion"] = _beats(rival, settings, tuned, champion.value)
    enough = examples >= settings.fewest_examples
    count = f"{examples} held-out examples" + ("" if enough else f", and {settings.fewest_examples} are asked for")
    checks["enough_examples"] = (count, enough)
    failed = tuple(name for name, (_, passed) in checks.items() if not passed)
    reasons = [sentence for sentence, passed in checks.values() if passed == (not failed)]
    if champion is None:
        reasons += [] if failed else ["there is no champion yet"]
    elif champion.value is None:
        reasons.append(f"champion version {champion.version} cannot be compared: {champion.problem}")
    return Verdict(not failed, tuple(reasons), comparison, failed)


def _beats(who: str, settings: GateSettings, mine: float | None, other: float | None) -> tuple[str, bool]:
    """Whether a value is better by the margin, and more than equal; and a sentence about it."""
    metric, margin = settings.metric, settings.margin
    if mine is None or other is None:
        return f"{metric} is undefined for the tuned model or for {who}", False
    values = f"{metric} {mine:.6g} against {other:.6g}"
    gain = mine - other
    if math.isclose(mine, other, rel_tol=EQUAL, abs_tol=EQUAL):
        return f"{values}: ties with {who}", False
    if gain < 0:
        return f"{values}: worse than {who}", False
    if gain < margin and not math.isclose(gain, margin, rel_tol=EQUAL, abs_tol=EQUAL):
        return f"{values}: better than {who} by {gain:.6g}, but a margin of {margin:g} is asked for", False
    return f"{values}: better than {who} by {gain:.6g}, with a margin of {margin:g}", True
