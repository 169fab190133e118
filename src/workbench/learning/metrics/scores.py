"""The scores themselves, over weighted rows.

Weights make the bootstrap quick: what does not depend on them, above all the order of the predictions, is worked out
once by :func:`scorer`, and each resample is a vector of counts. With all weights 1 the scores are scikit-learn's, which
a test holds them to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import ModelError

__all__ = ["HIGHER_IS_BETTER", "METRICS", "Scorer", "better", "checked", "compute", "scorer", "watched"]

Floats = npt.NDArray[np.float64]
Scorer = Callable[[Floats], dict[str, float]]

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "roc_auc": True,
    "average_precision": True,
    "log_loss": False,
    "brier": False,
    "accuracy": True,
    "macro_f1": True,
    "rmse": False,
    "mae": False,
    "r2": True,
}

METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "log_loss", "brier", "accuracy"),
    "multiclass": ("accuracy", "log_loss", "macro_f1"),
    "regression": ("rmse", "mae", "r2"),
}

_WATCHED = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}
_EPSILON = float(np.finfo(np.float64).eps)


def compute(
    task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, *, classes: tuple[str, ...] | list[str] | None = None
) -> dict[str, float]:
    """All scores of a task; one that is undefined on these rows, such as the AUC of a single class, is NaN.

    Args:
        task: binary, multiclass or regression.
        y: the labels, ``(rows,)``.
        prediction: ``(rows,)``, or ``(rows, classes)`` for multiclass.
        classes: what the labels are called, if ``y`` holds names and not numbers.

    Raises:
        ModelError: lengths differ, a prediction is not finite, or a label is none of the classes.
    """
    labels, predicted = checked(task, y, prediction, classes)
    return scorer(task, labels, predicted)(np.ones(len(labels)))


def watched(task: str, y: npt.NDArray[Any], prediction: npt.NDArray[Any]) -> tuple[str, float]:
    """The name and the value of the one score that people watch while a model is trained."""
    name = _WATCHED[task]
    return name, compute(task, y, prediction)[name]


def better(name: str, a: float, b: float) -> bool:
    """Whether ``a`` is better than ``b``; an undefined value is never better, and any value is better than it."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(b) and not math.isnan(a)
    return a > b if HIGHER_IS_BETTER[name] else a < b


def checked(
    task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, classes: tuple[str, ...] | list[str] | None = None
) -> tuple[npt.NDArray[Any], Floats]:
    """Labels as numbers and predictions as floats, of the same length and finite."""
    labels, predicted = np.asarray(y), np.asarray(prediction, dtype=np.float64)
    if task == "multiclass" and classes is not None and labels.dtype.kind not in "iuf":
        place = {name: number for number, name in enumerate(classes)}
        unknown = sorted({str(label) for label in labels} - place.keys())
        if unknown:
            raise ModelError(f"{len(unknown)} labels are none of the classes", tried=", ".join(classes))
        labels = np.array([place[str(label)] for label in labels], dtype=np.int64)
    if labels.dtype.kind not in "biuf":
        raise ModelError("the labels are not numbers", hint="say what the classes are called")
    if len(labels) != len(predicted) or not len(labels):
        raise ModelError(f"there are {len(labels):,} labels and {len(predicted):,} predictions to score")
    if not np.isfinite(predicted).all():
        raise ModelError(f"{int((~np.isfinite(predicted)).sum()):,} predictions are not finite numbers")
    return labels.astype(np.int64 if task == "multiclass" else np.float64), predicted


def scorer(task: str, y: npt.NDArray[Any], prediction: Floats) -> Scorer:
    """A function from the rows' weights (counts, say) to all scores of the task."""
    if task == "multiclass":
        return _multiclass(y, prediction)
    return _binary(y, prediction) if task == "binary" else _regression(y, prediction)


def _binary(y: Floats, prediction: Floats) -> Scorer:
    order = np.argsort(-prediction, kind="stable")
    ranked, positive = prediction[order], y[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # rows of equal prediction count at once
    certain = np.clip(prediction, _EPSILON, 1 - _EPSILON)
    rows = np.stack([
        -np.log(np.where(y == 1, certain, 1 - certain)),
        (prediction - y) ** 2,
        (prediction >= 0.5) == (y == 1),
    ])  # fmt: skip

    def score(weights: Floats) -> dict[str, float]:
        log_loss, brier, accuracy = rows @ weights / weights.sum()
        weight = weights[order]
        hits = np.cumsum(weight * positive)[ends]
        alarms = np.cumsum(weight)[ends]
        area, precision = _areas(hits, alarms)
        found = (area, precision, log_loss, brier, accuracy)
        return dict(zip(METRICS["binary"], map(float, found), strict=True))

    return score


def _areas(hits: Floats, alarms: Floats) -> tuple[float, float]:
    """The area under the ROC curve, and average precision, from cumulated weights at falling thresholds.

    Args:
        hits: of the positive rows above each threshold.
        alarms: of all rows above it.
    """
    misses = alarms - hits
    if hits[-1] <= 0 or misses[-1] <= 0:
        return math.nan, math.nan
    rise = np.diff(hits, prepend=0.0)
    area = (np.diff(misses, prepend=0.0) * (hits - rise / 2)).sum() / (hits[-1] * misses[-1])
    precision = np.divide(hits, alarms, out=np.zeros_like(hits), where=alarms > 0)
    return area, (rise * precision).sum() / hits[-1]


def _multiclass(y: npt.NDArray[np.int64], prediction: Floats) -> Scorer:
    classes = prediction.shape[1]
    chosen = prediction.argmax(axis=1)
    cell = y * classes + chosen
    rows = np.stack([
        chosen == y,
        -np.log(np.clip(prediction[np.arange(len(y)), y], _EPSILON, 1 - _EPSILON)),
    ])  # fmt: skip

    def score(weights: Floats) -> dict[str, float]:
        accuracy, log_loss = rows @ weights / weights.sum()
        confusion = np.bincount(cell, weights, classes * classes).reshape(classes, classes)
        either = confusion.sum(axis=0) + confusion.sum(axis=1)
        there = either > 0  # a class that neither stands nor is predicted here has no F1
        f1 = (2 * confusion.diagonal()[there] / either[there]).mean()
        return dict(zip(METRICS["multiclass"], map(float, (accuracy, log_loss, f1)), strict=True))

    return score


def _regression(y: Floats, prediction: Floats) -> Scorer:
    error = prediction - y
    rows = np.stack([error**2, np.abs(error), y])
    centred = (y - y.mean()) ** 2

    def score(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        square, absolute, mean = rows @ weights / total
        # Var = E(y - m)² - (E y - m)², about the mean m of all rows, where little is lost by the subtraction.
        variance = centred @ weights / total - (mean - y.mean()) ** 2
        r2 = 1 - square / variance if variance > 0 else math.nan
        return dict(zip(METRICS["regression"], map(float, (math.sqrt(square), absolute, r2)), strict=True))

    return score
