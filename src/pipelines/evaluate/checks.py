"""What has to hold of a model before the gate may promote it. Each check has a sentence that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.learning.monotone import Monotone

__all__ = ["Check", "beats_majority", "calibrated", "enough_test_rows", "monotone", "protected_groups_served"]


@dataclass(frozen=True)
class Check:
    """One check: whether it passed, and why."""

    passed: bool
    reason: str


def enough_test_rows(rows: int, fewest: int) -> Check:
    """There are enough held-out rows to tell anything."""
    return Check(rows >= fewest, f"{rows:,} held-out rows, at least {fewest:,} are asked for")


def beats_majority(metric: str, model: Mapping[str, Any], majority: Mapping[str, Any]) -> Check:
    """The model is better than the plainest guess by more than chance.

    Args:
        metric: the primary metric.
        model: its ``value``, ``low`` and ``high``.
        majority: the same of the guess; its value counts.
    """
    from workbench.learning.metrics import HIGHER_IS_BETTER, better

    end = "low" if HIGHER_IS_BETTER[metric] else "high"
    worst, guess = model[end], majority["value"]
    if worst is None or guess is None:
        return Check(False, f"{metric} is undefined on the held-out rows")
    how = "at least" if end == "low" else "at most"
    return Check(better(metric, worst, guess), f"{metric} is {how} {worst:.4g}, the majority's is {guess:.4g}")


def calibrated(error: float, limit: float, chance: float) -> Check:
    """Predicted and observed agree within the limit, or as well as chance allows on so few rows."""
    allowed = max(limit, chance)
    why = f"chance alone gives {chance:.4g} on so few rows" if chance > limit else "the limit"
    return Check(error <= allowed, f"expected calibration error {error:.4g}, allowed {allowed:.4g} ({why})")


def monotone(found: Sequence[Monotone], limit: float) -> Check:
    """Where client.yml says so, the prediction moves with the column alone, but for a small share of the steps."""
    failed = [one for one in found if one.share > limit]
    if not failed:
        return Check(
            True, f"{', '.join(one.column for one in found)}: at most {limit:.2g} of the steps go the other way"
        )
    told = (f"{one.column} ({one.share:.2g} of the steps, by {one.worst:.3g} at most)" for one in failed)
    return Check(False, f"the prediction moves the other way along {', '.join(told)}; {limit:.2g} are allowed")


def protected_groups_served(
    metric: str, groups: Sequence[Mapping[str, Any]], guesses: Sequence[Mapping[str, Any]]
) -> Check:
    """In no protected group is the model useless: nowhere worse than the plainest guess on the same rows.

    Args:
        metric: the primary metric.
        groups: a record each: ``column``, ``protected``, ``value``, and the model's metric, None if the group is too
            small for it.
        guesses: the same groups in the same order, with the majority's metric.
    """
    from workbench.learning.metrics import better

    protected = [pair for pair in zip(groups, guesses, strict=True) if pair[0]["protected"]]
    if not protected:
        return Check(True, "no column is named as protected")
    judged = [
        (f"{group['column']} {group['value']}", group[metric], guess[metric])
        for group, guess in protected
        if group[metric] is not None and guess[metric] is not None
    ]
    failed = [f"{name} ({own:.4g} against {guess:.4g})" for name, own, guess in judged if better(metric, guess, own)]
    if failed:
        return Check(False, f"{metric} is worse than the majority's in {', '.join(failed)}")
    return Check(True, f"{metric} is nowhere worse than the majority's in the {len(judged)} groups that can be judged")
