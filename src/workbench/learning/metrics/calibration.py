"""Whether predictions can be taken at their word.

For two classes, the predicted probability against how often the event came true; for several, the probability of the
likeliest class against how often it was right (Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural
networks", ICML 2017); for numbers, the mean prediction against the mean value.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.learning.metrics.scores import Floats, checked

__all__ = ["CalibrationBin", "calibration_bins", "chance_level", "expected_error"]

FEWEST_ROWS = 20
"""Rows that a bin should have: with fewer, its observed mean says little."""


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of similar predictions.

    Attributes:
        predicted: the mean prediction.
        observed: the mean of what happened.
        rows: how many they are.
    """

    predicted: float
    observed: float
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """For a table."""
        return asdict(self)


def calibration_bins(task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, *, bins: int = 10) -> list[CalibrationBin]:
    """Bins of (nearly) equal numbers of rows, by rising prediction; equal predictions share a bin."""
    said, happened = _said_and_happened(task, y, prediction)
    place, count = _places(said, bins)
    means = [np.bincount(place, values) / count for values in (said, happened)]
    return [
        CalibrationBin(float(predicted), float(observed), int(rows))
        for predicted, observed, rows in zip(*means, count, strict=True)
    ]


def expected_error(bins: list[CalibrationBin]) -> float:
    """The expected calibration error: the mean gap between predicted and observed, weighted by rows."""
    rows = sum(item.rows for item in bins)
    return sum(abs(item.predicted - item.observed) * item.rows for item in bins) / rows


def chance_level(
    task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, *, bins: int = 10, draws: int = 200, seed: int = 0
) -> float:
    """The expected calibration error that a perfectly calibrated model stays below, 19 times in 20, on so many rows.

    On few rows the error is never near zero. What would happen is drawn from the predictions themselves: events with
    the predicted probabilities, or, for numbers, the predictions plus shuffled residuals without their mean. After
    Bröcker, Smith: "Increasing the reliability of reliability diagrams", Weather and Forecasting 2007.
    """
    said, happened = _said_and_happened(task, y, prediction)
    place, _ = _places(said, bins)
    random = np.random.default_rng(seed)
    noise = happened - said - (happened - said).mean()
    errors = []
    for _ in range(draws):
        drawn = said + random.permutation(noise) if task == "regression" else random.random(len(said)) < said
        errors.append(np.abs(np.bincount(place, said - drawn)).sum() / len(said))
    return float(np.quantile(errors, 0.95))


def _said_and_happened(task: str, y: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[Floats, Floats]:
    labels, predicted = checked(task, y, prediction)
    if task != "multiclass":
        return predicted, labels
    return predicted.max(axis=1), (predicted.argmax(axis=1) == labels).astype(np.float64)


def _places(said: Floats, bins: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The bin of each row, from 0, without empty ones; and the number of rows in each."""
    bins = max(1, min(bins, len(said) // FEWEST_ROWS))
    inner = np.quantile(said, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    _, place, count = np.unique(np.searchsorted(inner, said), return_inverse=True, return_counts=True)
    return place, count
