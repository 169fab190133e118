"""Reads the numbers of an evaluation, and says whether a difference between two models is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.reports.locale import say
from workbench.reports.words import MODELS, count, metric_words

__all__ = ["Estimate", "candidate", "estimates", "lead_over", "leads", "level", "undefined"]


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


def candidate(evaluation: dict[str, Any]) -> str:
    """The model that the evaluation is about; before there were several kinds, it was the network."""
    return str(evaluation.get("candidate", "network"))


def estimates(evaluation: dict[str, Any], metric: str) -> dict[str, Estimate]:
    """Each model's estimate of a metric, the candidate first; models that do not have it are left out."""
    found = {}
    for model in dict.fromkeys([candidate(evaluation), *MODELS]):
        numbers = evaluation["models"].get(model, {}).get(metric)
        if numbers is not None and numbers.get("value") is not None:
            found[model] = Estimate(numbers["value"], numbers.get("low"), numbers.get("high"))
    return found


def leads(metric: str, one: Estimate, other: Estimate) -> float:
    """How far ``one`` is ahead of ``other``, in the metric's own unit; negative if behind."""
    difference = one.value - other.value
    return difference if metric_words(metric).higher_is_better else -difference


def lead_over(evaluation: dict[str, Any], metric: str, other: str) -> Estimate | None:
    """How far the candidate is ahead of another model, paired; None if the evaluation was made without that."""
    found = evaluation.get("differences", {}).get(other, {}).get(metric, {})
    if found.get("value") is None or found.get("low") is None:
        return None
    if metric_words(metric).higher_is_better:  # what is written is the other's metric less the candidate's
        return Estimate(-found["value"], -found["high"], -found["low"])
    return Estimate(found["value"], found["low"], found["high"])


def level(metric: str, one: Estimate, other: Estimate) -> bool:
    """Whether two estimates are equal, as far as they are shown."""
    gap = metric_words(metric).show(abs(one.value - other.value))
    return gap.startswith("<") or gap == metric_words(metric).show(0.0)


def undefined(evaluation: dict[str, Any]) -> str:
    """What is to be said when the candidate has no primary metric."""
    label = metric_words(evaluation["primary"]).label
    return say(
        "{label} is undefined on the {rows} held-out rows: there is only one answer among them.",
        label=label,
        rows=count(evaluation["rows"]),
    )
