"""Numbers in plain words: what a metric means, and how it is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from workbench.reports.locale import MINUS, decimal, noted, say, spoken
from workbench.reports.sentences import SENTENCES

__all__ = [
    "METRICS",
    "MINUS",
    "MODELS",
    "MetricWords",
    "capital",
    "count",
    "label",
    "metric_words",
    "model_name",
    "named",
    "number",
    "of_100",
    "percent",
    "short_name",
    "signed",
    "signed_percent",
    "unbroken",
]

MODELS = ("ensemble", "network", "boosting", "linear", "majority")
"""The models that an evaluation may have."""


def model_name(model: str, task: str) -> str:
    """What a reader calls a model. The guess is always the same: the shares, or the mean, of the training rows."""
    names = {
        "ensemble": say("Mean of the models"),
        "network": say("Neural network"),
        "boosting": say("Gradient boosting"),
        "linear": say("Linear model"),
        "majority": say("Mean guess") if task == "regression" else say("Majority guess"),
    }
    return names.get(model, model)


def short_name(model: str) -> str:
    """What a sentence calls a model, with its article."""
    return {
        "ensemble": say("the mean of the models"),
        "boosting": say("the boosting model"),
        "linear": say("the linear model"),
        "network": say("the network"),
    }.get(model, model)


def capital(sentence: str) -> str:
    """The same, with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def unbroken(text: str, words: int = -1) -> str:
    """The same text, whose first words, or all, stay on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}", words)


def number(value: float | None, digits: int = 3, *, grouped: bool = True, trimmed: bool = False) -> str:
    """Rounded to significant digits, thousands apart, never in scientific notation: ``12,300``, ``0.0421``.

    Trimmed: without zeros at its end, for what was not measured (``50``, not ``50.00``).
    """
    if value is None or not math.isfinite(value):
        return "—"
    text = "0" if value == 0 else f"{Decimal(f'{value:#.{digits}g}'):f}"
    return decimal(_trimmed(text) if trimmed else text, grouped=grouped)


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None, decimals: int = 1, *, trimmed: bool = True) -> str:
    """A share as a percentage; what is not nothing never reads as 0, what is not all never as 100: ``<0.1 %``.

    Trimmed: ``66 %``; if not, ``66.0 %``, as beside others in a table.
    """
    if share is None or not math.isfinite(share):
        return "—"
    smallest = 10.0**-decimals
    value = 100 * share
    if 0 < value < smallest:
        return f"<{decimal(f'{smallest:g}')} %"
    if 100 - smallest < value < 100:
        return f">{decimal(f'{100 - smallest:g}')} %"
    text = f"{value:.{decimals}f}"
    return f"{decimal(_trimmed(text) if trimmed else text)} %"


def count(rows: float | None) -> str:
    """Thousands apart."""
    return "—" if rows is None else decimal(str(int(rows)))


def signed(value: float) -> str:
    """A difference, with its sign."""
    return f"{'+' if value > 0 else MINUS}{number(abs(value))}"


def signed_percent(share: float) -> str:
    """A relative difference in percent, with its sign, to two digits; what is not gone never reads as 100 less."""
    digits = next((many for many in (2, 3, 4) if share == -1 or f"{100 * -share:.{many}g}" != f"{100:.{many}g}"), 4)
    return f"{'+' if share > 0 else MINUS}{number(100 * abs(share), digits)} %"


def label(name: str) -> str:
    """A name out of a table as a reader has it: ``quarantined_share`` is ``quarantined share``."""
    return say(PLAINLY.get(name) or (name if " " in name else name.replace("_", " ")))


PLAINLY = {"executive_facts": noted("key figures"), "executive_checks": noted("questions")}
"""Tables that a manager reads of, and would not know by their names."""


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


def of_100(share: float) -> str:
    """How many of a hundred, in words."""
    return say("more than 99") if 0.995 <= share < 1 else f"{100 * share:.0f}"


METRICS: dict[str, MetricWords] = {
    "roc_auc": MetricWords(
        noted("ROC AUC"),
        higher_is_better=True,
        short=noted("how well it ranks"),
        reading=lambda v: say(
            "Take one row where the answer is yes and one where it is no, at random: the model gives the first one "
            "the higher score {v} times in 100. Guessing gets 50, perfection 100.",
            v=of_100(v),
        ),
        show=_fixed,
    ),
    "average_precision": MetricWords(
        noted("Average precision"),
        higher_is_better=True,
        short=noted("how pure the top of the list is"),
        reading=lambda v: say(
            "Going down the list from the highest score, on average {v} of the rows so far are truly yes.",
            v=percent(v, 0),
        ),
        show=_fixed,
    ),
    "log_loss": MetricWords(
        noted("Log loss"),
        higher_is_better=False,
        short=noted("how surprised it is by the truth"),
        reading=lambda v: say(
            "The truth had, typically, a predicted probability of {v}; 100 % is perfect.", v=percent(math.exp(-v), 0)
        ),
        show=_fixed,
    ),
    "brier": MetricWords(
        noted("Brier score"),
        higher_is_better=False,
        short=noted("how far the probabilities are off"),
        reading=lambda v: say(
            "A predicted probability is typically {v} away from what happened.", v=percent(math.sqrt(max(v, 0)), 0)
        ),
        show=_fixed,
    ),
    "accuracy": MetricWords(
        noted("Accuracy"),
        higher_is_better=True,
        short=noted("how often it is right"),
        reading=lambda v: say("Of 100 rows, it gets {v} right.", v=of_100(v)),
        show=partial(percent, trimmed=False),
    ),
    "macro_f1": MetricWords(
        noted("Macro F1"),
        higher_is_better=True,
        short=noted("how often it is right, rare classes counting as much"),
        reading=lambda v: say("Averaged over the classes, found and rightly named: {v} of 100.", v=of_100(v)),
        show=_fixed,
    ),
    "rmse": MetricWords(
        "RMSE",
        higher_is_better=False,
        short=noted("typical error, large ones count more"),
        reading=lambda v: say(
            "A prediction is typically off by {v}, large errors counting more than small ones.", v=number(v)
        ),
        show=number,
    ),
    "mae": MetricWords(
        "MAE",
        higher_is_better=False,
        short=noted("average error"),
        reading=lambda v: say("A prediction is off by {v} on average.", v=number(v)),
        show=number,
    ),
    "r2": MetricWords(
        "R²",
        higher_is_better=True,
        short=noted("share of the differences explained"),
        reading=lambda v: say("The model explains {v} of why the values differ between rows.", v=percent(max(v, 0), 0)),
        show=_fixed,
    ),
}
"""The metrics of ``workbench.learning.metrics``."""


def metric_words(name: str) -> MetricWords:
    """The words for a metric; a plain stand-in for one that is not known here."""
    if name in METRICS:
        known = METRICS[name]
        return replace(known, label=say(known.label), short=say(known.short))
    return MetricWords(
        name.replace("_", " "),
        higher_is_better=True,
        short="",
        reading=lambda v: say("It is {v}.", v=number(v)),
        show=number,
    )


def named(sentence: str) -> str:
    """A sentence of the gate with the metric's label for its name, a capital at the start, and a full stop."""
    sentence = spoken(sentence, SENTENCES)
    for name in METRICS:
        sentence = re.sub(rf"\b{name}\b", metric_words(name).label, sentence)
    return f"{capital(sentence)}."
