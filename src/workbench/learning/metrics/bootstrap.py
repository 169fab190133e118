"""Confidence intervals, of scores and of the difference between two models' scores.

The percentile bootstrap (Efron 1979; Davison, Hinkley: "Bootstrap methods", section 5.3). Two models are compared
paired: on each resample of the rows, both are scored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.learning.metrics.scores import METRICS, checked, scorer

__all__ = ["Interval", "Resamples", "intervals", "resample"]


@dataclass(frozen=True)
class Interval:
    """A score, or a difference of two, and where it plausibly lies; None where it is undefined.

    Attributes:
        value: on the rows themselves.
        low: lower end.
        high: upper end.
    """

    value: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Resamples:
    """The scores of one model on rows that were drawn again and again, with replacement.

    Attributes:
        whole: each score on the rows themselves; NaN where it is undefined.
        drawn: each score on every resample, ``(resamples,)``. The same seed draws the same rows.
    """

    whole: Mapping[str, float]
    drawn: Mapping[str, npt.NDArray[np.float64]]

    def intervals(self, confidence: float = 0.95) -> dict[str, Interval]:
        """Every score with its interval."""
        return {name: _interval(value, self.drawn[name], confidence) for name, value in self.whole.items()}

    def minus(self, other: Resamples, confidence: float = 0.95) -> dict[str, Interval]:
        """Every score less the other model's, resample by resample.

        Rows that are hard are hard for both models, so the interval of the difference is far narrower than the two
        intervals beside each other suggest. Both must have been drawn with the same seed.
        """
        return {
            name: _interval(value - other.whole[name], self.drawn[name] - other.drawn[name], confidence)
            for name, value in self.whole.items()
        }


def resample(
    task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, *, resamples: int = 200, seed: int = 0
) -> Resamples:
    """Score a model on resamples of its rows."""
    labels, predicted = checked(task, y, prediction)
    score, rows = scorer(task, labels, predicted), len(labels)
    random = np.random.default_rng(seed)
    drawn = [
        score(np.bincount(random.integers(rows, size=rows), minlength=rows).astype(np.float64))
        for _ in range(resamples)
    ]
    return Resamples(score(np.ones(rows)), {name: np.array([found[name] for found in drawn]) for name in METRICS[task]})


def intervals(
    task: str,
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    *,
    resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Mapping[str, Interval]:
    """Every score of the task with its interval.

    The same seed draws the same rows, so that intervals of several models on one table can be held against each other.
    A resample on which a score is undefined (no row of one class) is left out of that score's interval.
    """
    return resample(task, y, prediction, resamples=resamples, seed=seed).intervals(confidence)


def _interval(value: float, drawn: npt.NDArray[np.float64], confidence: float) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value):
        return Interval(None, None, None)
    if not len(drawn):
        return Interval(value, None, None)
    tail = (1 - confidence) / 2
    # With the value itself: at a bound, as the R² of a constant is at 0, most resamples lie on one side of it.
    low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
    return Interval(value, min(low, value), max(high, value))
