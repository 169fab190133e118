"""Whether the numbers that the model says can be taken at their word."""

from __future__ import annotations

from typing import Any

from workbench.reports.charts.groups import reliability
from workbench.reports.html import Html, joined, paragraph
from workbench.reports.locale import noted, say
from workbench.reports.words import number, percent

__all__ = ["calibration"]

QUESTION = {
    "binary": noted("When the model says 30 %, does it happen three times in ten?"),
    "multiclass": noted("When the model is 70 % sure of a class, is it right seven times in ten?"),
    "regression": noted("Where the model says 50, is it 50 on average?"),
}


def calibration(bins: list[dict[str, Any]], evaluation: dict[str, Any]) -> Html:
    """The question, the answer in one sentence, and the chart."""
    task = evaluation["task"]
    if not bins:
        return paragraph(say("There are too few held-out rows to tell."))
    error = evaluation.get("expected_calibration_error")
    off = number(error) if task == "regression" else percent(error)
    answer = say(" On average, the two are {off} apart.", off=off) if error is not None else ""
    return joined(paragraph(say(QUESTION[task]) + answer), reliability(bins, task))
