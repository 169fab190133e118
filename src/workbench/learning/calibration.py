"""What validation rows teach about a trained model's predictions: how sure to be of a class, how far off a value is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError

__all__ = ["SMALLEST", "Conformal", "Temperature"]

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = 0.2, 5.0
"""Temperatures that are believed; beyond them, something else is wrong."""

FEWEST_ROWS = 50
"""Validation rows below which a temperature stays 1: it would follow chance."""

SMALLEST = 1e-12
"""Probabilities are taken to be at least so large before their logarithm."""

LEVELS = 1000
"""Residuals that are kept, at most."""

CLOSE, MOST_STEPS = 1e-7, 60
"""How far, relatively, the last step to the temperature may be; and steps, of which it takes five to ten."""


@dataclass(frozen=True)
class Temperature:
    """Divides log-odds by a number, so that probabilities say how often they come true.

    Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural networks", ICML 2017, section 4.2; applied to the
    logarithm of the mean probability of the members. The order of the rows of a binary task, and the likeliest class of
    a multiclass one, stay as they are.
    """

    value: float = 1.0

    @classmethod
    def fit(cls, task: str, labels: npt.NDArray[Any], predicted: Floats) -> Temperature:
        """The temperature of the lowest log loss on validation rows; 1 if they are too few to tell.

        Args:
            task: binary or multiclass.
            labels: ``(rows,)``.
            predicted: uncalibrated, ``(rows,)`` or ``(rows, classes)``.
        """
        if len(labels) < FEWEST_ROWS or len(np.unique(labels)) < 2:
            return cls()
        logits, places = _logits(task, predicted), labels.astype(np.int64)

        # Newton's method from 1 on, in the reciprocal of the temperature: there the loss is convex. Between two ends
        # that enclose the zero of its slope, which a step that would leave them halves.
        low, inverse, high = 1 / HIGHEST, 1.0, 1 / LOWEST
        for _ in range(MOST_STEPS):
            slope, curvature = _slope(logits, places, inverse)
            low, high = (low, inverse) if slope > 0 else (inverse, high)
            wanted = inverse - slope / curvature if curvature > 0 else inverse if slope == 0 else math.inf
            before, inverse = inverse, wanted if low <= wanted <= high else (low + high) / 2
            if abs(inverse - before) <= CLOSE * before:
                break
        return cls(1 / inverse)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Temperature:
        """From a model's record."""
        value = float(record["value"])
        if not LOWEST <= value <= HIGHEST:
            raise ValueError(f"a temperature of {value} is none that is written")
        return cls(value)

    def apply(self, task: str, predicted: Floats) -> Floats:
        """Calibrated probabilities of the same shape."""
        if self.value == 1:
            return predicted
        scaled = _logits(task, predicted) / self.value
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities: Floats = odds / odds.sum(axis=1, keepdims=True)
        return probabilities[:, 1] if task == "binary" else probabilities


@dataclass(frozen=True)
class Conformal:
    """Intervals about predicted values that hold as often as they say, whatever the values are distributed like.

    Split conformal prediction: Lei, G'Sell, Rinaldo, Tibshirani, Wasserman: "Distribution-free predictive inference for
    regression", JASA 2018, algorithm 2. Half the width is the ``ceil((rows + 1) coverage)``-th smallest absolute
    residual. It is exact for rows that are exchangeable with the validation rows; those also chose the epoch, which
    takes a little off, and later rows of a changing world are not exchangeable with earlier ones.

    Attributes:
        rows: validation rows.
        residuals: absolute residuals at evenly spaced ranks, rising, at most :data:`LEVELS`.
        ranks: of each, from 1.
    """

    rows: int
    residuals: tuple[float, ...]
    ranks: tuple[int, ...]

    @classmethod
    def fit(cls, labels: Floats, predicted: Floats) -> Conformal:
        """From validation rows."""
        residuals = np.sort(np.abs(labels - predicted))
        ranks = np.unique(np.linspace(1, len(residuals), min(LEVELS, len(residuals))).round().astype(np.int64))
        return cls(len(residuals), tuple(residuals[ranks - 1].tolist()), tuple(ranks.tolist()))

    def half_width(self, coverage: float) -> float:
        """How far to go to either side of a prediction.

        Raises:
            ModelError: the coverage is not between 0 and 1, or too high for so few validation rows.
        """
        if not 0 < coverage < 1:
            raise ModelError(f"coverage {coverage:g} is not between 0 and 1", hint="ask for 0.9, for instance")
        wanted = math.ceil((self.rows + 1) * coverage - 1e-9)
        if wanted > self.rows:
            raise ModelError(
                f"an interval that holds {coverage:.4g} of the time needs more than {self.rows:,} validation rows",
                hint=f"ask for {self.rows / (self.rows + 1):.4g} at most, or for a larger validation fold",
            )
        return self.residuals[int(np.searchsorted(self.ranks, wanted))]

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Conformal:
        """From a model's record."""
        residuals, ranks = tuple(map(float, record["residuals"])), tuple(map(int, record["ranks"]))
        rows, rising = int(record["rows"]), np.diff(residuals) >= 0
        if not ranks or len(ranks) != len(residuals) or ranks[-1] != rows or not rising.all():
            raise ValueError("residuals and ranks do not fit")
        return cls(rows, residuals, ranks)


def _slope(logits: Floats, places: npt.NDArray[np.int64], inverse: float) -> tuple[float, float]:
    """First and second derivative of the log loss by the reciprocal of the temperature: a mean and a variance."""
    scaled = logits * inverse
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    mean = (odds * logits).sum(axis=1)
    chosen = logits[np.arange(len(places)), places]
    return float((mean - chosen).mean()), float(((odds * logits**2).sum(axis=1) - mean**2).mean())


def _logits(task: str, predicted: Floats) -> Floats:
    """Log-probabilities ``(rows, classes)``, two classes for a binary task."""
    both = np.stack([1 - predicted, predicted], axis=1) if task == "binary" else predicted
    logits: Floats = np.log(np.clip(both, SMALLEST, 1))
    return logits
