"""Reads the numbers of an evaluation, and says whether a difference between two models is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.reports.words import MODELS, metric_words

__all__ = ["Estimate", "estimates", "leads", "level", "undefined"]


@dataclass(frozen=True)
class Estimate:
    """A metric on the held-out rows, with its confidence interval if there is one."""

    value: float
    low: float | None = None
    high: float | None = None

    def apart_from(self, other: Estimate) -> bool:
        """Whether the two intervals do not touch. That they do proves nothing: the models saw the same rows."""
        if None in (self.low, self.high, other.low, other.high):
            return False
        return bool(self.low > other.high or other.low > self.high)  # type: ignore[operator]


def estimates(evaluation: dict[str, Any], metric: str) -> dict[str, Estimate]:
    """Each model's estimate of a metric, the network first; models that do not have it are left out."""
    found = {}
    for model in MODELS:
        numbers = evaluation["models"].get(model, {}).get(metric)
        if numbers is not None and numbers.get("value") is not None:
            found[model] = Estimate(numbers["value"], numbers.get("low"), numbers.get("high"))
    return found


def leads(metric: str, one: Estimate, other: Estimate) -> float:
    """How far ``one`` is ahead of ``other``, in the metric's own unit; negative if behind."""
    difference = one.value - other.value
    return difference if metric_words(metric).higher_is_better else -difference


def level(metric: str, one: Estimate, other: Estimate) -> bool:
    """Whether two estimates are equal, as far as they are shown."""
    gap = metric_words(metric).show(abs(one.value - other.value))
    return gap.startswith("<") or gap == metric_words(metric).show(0.0)


def undefined(evaluation: dict[str, Any]) -> str:
    """What is to be said when the network has no primary metric."""
    label = metric_words(evaluation["primary"]).label
    return f"{label} is undefined on the {evaluation['rows']:,} held-out rows: there is only one answer among them."
