"""What nobody should read out of a model."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.clients import Client
from workbench.reports.html import Html, tag
from workbench.reports.locale import day, noted, say
from workbench.reports.words import count, percent

__all__ = ["limits"]

NOT_A_CAUSE = noted(
    "It says what goes together, not what causes what: a value changed in the world need not change the outcome."
)
FEW_TEST_ROWS = 1000
MOVED = 0.25
"""A share of yes that differs by more than this part between training and test rows is worth a sentence."""


def limits(
    client: Client,
    roles: dict[str, Any],
    folds: dict[str, Any],
    evaluation: dict[str, Any],
    segments: list[dict[str, Any]],
) -> Html:
    """A list of sentences, from the numbers."""
    found = [
        say(NOT_A_CAUSE),
        _tested_when(folds),
        _moved(roles, folds),
        _few_rows(evaluation),
        _small_groups(segments, evaluation["primary"]),
        say("Like results for protected groups on these rows are no proof of fairness in use.")
        if client.protected
        else "",
    ]
    return tag("ul", *(tag("li", sentence) for sentence in found if sentence))


def _tested_when(folds: dict[str, Any]) -> str:
    test = folds.get("test", {})
    if not test.get("first"):
        return say("Rows were held out by chance, not by time: it was not tested on the future.")
    return say(
        "It was tested on rows of {first} to {last}. What has changed since then, it does not know.",
        first=_date(test["first"]),
        last=_date(test["last"]),
    )


def _date(text: str) -> str:
    return day(date.fromisoformat(text[:10]))


def _moved(roles: dict[str, Any], folds: dict[str, Any]) -> str:
    train, test = (folds.get(name, {}).get("target") for name in ("train", "test"))
    if roles["task"] != "binary" or not train or not test or abs(train - test) <= MOVED * max(train, test):
        return ""
    return say(
        "The answer was yes for {train} of the training rows but {test} of the test rows: the world moved in between.",
        train=percent(train),
        test=percent(test),
    )


def _few_rows(evaluation: dict[str, Any]) -> str:
    if evaluation["rows"] >= FEW_TEST_ROWS:
        return ""
    return say(
        "Only {rows} rows were held out, so its numbers are rough; see the intervals.", rows=count(evaluation["rows"])
    )


def _small_groups(segments: list[dict[str, Any]], metric: str) -> str:
    small = sum(group[metric] is None for group in segments)
    return (
        say(
            "{small} of {segments} groups have too few held-out rows to be judged.", small=small, segments=len(segments)
        )
        if small
        else ""
    )
