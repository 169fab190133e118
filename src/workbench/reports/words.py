"""Numbers in plain words: what a metric means, and how it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from workbench.reports.locale import decimal

__all__ = [
    "METRICS",
    "MODELS",
    "MetricWords",
    "count",
    "metric_words",
    "model_name",
    "named",
    "number",
    "percent",
    "short_name",
]

MODELS = ("ensemble", "network", "boosting", "linear", "majority")
"""The models that an evaluation may have."""


def model_name(model: str, task: str) -> str:
    """What a reader calls a model. The guess is always the same: the shares, or the mean, of the training rows."""
    names = {
        "ensemble": "Mean of the models",
        "network": "Neural network",
        "boosting": "Gradient boosting",
        "linear": "Linear model",
        "majority": "Mean guess" if task == "regression" else "Majority guess",
    }
    return names.get(model, model)


def short_name(model: str) -> str:
    """What a sentence calls a model, after "the"."""
    return {"ensemble": "mean of the models", "boosting": "boosting model", "linear": "linear model"}.get(model, model)


def number(value: float | None, digits: int = 3, *, grouped: bool = True) -> str:
    """Rounded to significant digits, thousands apart, never in scientific notation: ``12,300``, ``0.0421``."""
    if value is None or not math.isfinite(value):
        return "—"
    return "0" if value == 0 else decimal(f"{Decimal(f'{value:#.{digits}g}'):f}", grouped=grouped)


def percent(share: float | None, decimals: int = 1) -> str:
    """A share as a percentage; what is not nothing never reads as 0, what is not all never as 100: ``<0.1 %``."""
    if share is None or not math.isfinite(share):
        return "—"
    smallest = 10.0**-decimals
    value = 100 * share
    if 0 < value < smallest:
        return f"<{decimal(f'{smallest:g}')} %"
    if 100 - smallest < value < 100:
        return f">{decimal(f'{100 - smallest:g}')} %"
    text = f"{value:.{decimals}f}"
    return f"{decimal(text.rstrip('0').rstrip('.') if '.' in text else text)} %"


def count(rows: float | None) -> str:
    """Thousands apart."""
    return "—" if rows is None else decimal(str(int(rows)))


@dataclass(frozen=True)
class MetricWords:
    """How to speak about one metric.

    Attributes:
        label: its name.
        higher_is_better: which way is better.
        short: what it measures, in a few words.
        reading: from a value to a sentence that needs no statistics.
        show: from a value to text.
    """

    label: str
    higher_is_better: bool
    short: str
    reading: Callable[[float], str]
    show: Callable[[float | None], str]


def _fixed(value: float | None) -> str:
    """Three decimals; what is not perfect never reads as 1.000, what is not nothing never as 0.000."""
    if value is None or not math.isfinite(value):
        return "—"
    text = f"{value:.3f}"
    if text == "1.000" and value < 1:
        return f">{decimal('0.999')}"
    return f"<{decimal('0.001')}" if text == "0.000" and value > 0 else decimal(text)


def _of_100(share: float) -> str:
    """How many of a hundred, in words."""
    return "more than 99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


METRICS: dict[str, MetricWords] = {
    "roc_auc": MetricWords(
        "ROC AUC",
        higher_is_better=True,
        short="how well it ranks",
        reading=lambda v: (
            "Take one row where the answer is yes and one where it is no, at random: the model gives the first one the "
            f"higher score {_of_100(v)} times in 100. Guessing gets 50, perfection 100."
        ),
        show=_fixed,
    ),
    "average_precision": MetricWords(
        "Average precision",
        higher_is_better=True,
        short="how pure the top of the list is",
        reading=lambda v: (
            f"Going down the list from the highest score, on average {percent(v, 0)} of the rows so far are truly yes."
        ),
        show=_fixed,
    ),
    "log_loss": MetricWords(
        "Log loss",
        higher_is_better=False,
        short="how surprised it is by the truth",
        reading=lambda v: (
            f"The truth had, typically, a predicted probability of {percent(math.exp(-v), 0)}; 100 % is perfect."
        ),
        show=_fixed,
    ),
    "brier": MetricWords(
        "Brier score",
        higher_is_better=False,
        short="how far the probabilities are off",
        reading=lambda v: (
            f"A predicted probability is typically {percent(math.sqrt(max(v, 0)), 0)} away from what happened."
        ),
        show=_fixed,
    ),
    "accuracy": MetricWords(
        "Accuracy",
        higher_is_better=True,
        short="how often it is right",
        reading=lambda v: f"Of 100 rows, it gets {_of_100(v)} right.",
        show=percent,
    ),
    "macro_f1": MetricWords(
        "Macro F1",
        higher_is_better=True,
        short="how often it is right, rare classes counting as much",
        reading=lambda v: f"Averaged over the classes, found and rightly named: {_of_100(v)} of 100.",
        show=_fixed,
    ),
    "rmse": MetricWords(
        "RMSE",
        higher_is_better=False,
        short="typical error, large ones count more",
        reading=lambda v: f"A prediction is typically off by {number(v)}, large errors counting more than small ones.",
        show=number,
    ),
    "mae": MetricWords(
        "MAE",
        higher_is_better=False,
        short="average error",
        reading=lambda v: f"A prediction is off by {number(v)} on average.",
        show=number,
    ),
    "r2": MetricWords(
        "R²",
        higher_is_better=True,
        short="share of the differences explained",
        reading=lambda v: f"The model explains {percent(max(v, 0), 0)} of why the values differ between rows.",
        show=_fixed,
    ),
}
"""The metrics of ``workbench.learning.metrics``."""


def metric_words(name: str) -> MetricWords:
    """The words for a metric; a plain stand-in for one that is not known here."""
    return METRICS.get(name) or MetricWords(
        name.replace("_", " "), higher_is_better=True, short="", reading=lambda v: f"It is {number(v)}.", show=number
    )


def named(sentence: str) -> str:
    """A sentence of the gate with the metric's label for its name, a capital at the start, and a full stop."""
    for name, words in METRICS.items():
        sentence = re.sub(rf"\b{name}\b", words.label, sentence)
    return f"{sentence[:1].upper()}{sentence[1:]}."
