"""Confidence intervals: the percentile bootstrap (Efron 1979; Davison, Hinkley: "Bootstrap methods", section 5.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.learning.metrics.scores import METRICS, checked, scorer

__all__ = ["Interval", "intervals"]


@dataclass(frozen=True)
class Interval:
    """A score and where it plausibly lies; None where it is undefined.

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
    labels, predicted = checked(task, y, prediction)
    score, rows = scorer(task, labels, predicted), len(labels)
    random = np.random.default_rng(seed)
    whole = score(np.ones(rows))
    drawn = [
        score(np.bincount(random.integers(rows, size=rows), minlength=rows).astype(np.float64))
        for _ in range(resamples)
    ]
    tail = (1 - confidence) / 2
    found = {}
    for name in METRICS[task]:
        values = np.array([resample[name] for resample in drawn])
        values = values[np.isfinite(values)]
        low, high = (None, None)
        if math.isfinite(whole[name]) and len(values):
            # With the value itself: at a bound, as the R² of a constant is at 0, most resamples lie on one side of it.
            low, high = (float(end) for end in np.quantile(values, [tail, 1 - tail]))
            low, high = min(low, whole[name]), max(high, whole[name])
        found[name] = Interval(whole[name] if math.isfinite(whole[name]) else None, low, high)
    return found
