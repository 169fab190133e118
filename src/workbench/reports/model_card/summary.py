"""What a reader takes away in ten seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.clients import Client
from workbench.reports.estimates import Estimate, candidate, estimates, leads, level, undefined
from workbench.reports.html import Html, callout, joined, paragraph, tag, tiles
from workbench.reports.words import count, metric_words, model_name, named, short_name

__all__ = ["lead", "overview"]

QUESTIONS = {
    "binary": "a probability between 0 and 100 %, for each row, that the answer is yes",
    "multiclass": "a probability for each class, for each row",
    "regression": "a number for each row",
}


def lead(client: Client) -> Html:
    """What is predicted and for whom, in the client's own words."""
    what = client.description or f"Predicts '{client.target}'."
    return joined(
        paragraph(what, class_="lead"),
        paragraph(
            f"The model gives {QUESTIONS[client.task]}. It learned to predict the column ",
            tag("code", client.target),
            ".",
        ),
    )


def overview(client: Client, evaluation: dict[str, Any], verdict: dict[str, Any]) -> Html:
    """The verdict, and the primary metric beside what it has to beat."""
    metric, task = evaluation["primary"], evaluation["task"]
    words = metric_words(metric)
    found = estimates(evaluation, metric)
    chosen = candidate(evaluation)
    mine = found.get(chosen)
    if mine is None:
        return joined(_banner(verdict), paragraph(undefined(evaluation)))
    shown = [(model_name(chosen, task), words.show(mine.value), f"{words.label}{_interval(mine, words.show)}")]
    shown += [
        (model_name(model, task), words.show(other.value), _against(metric, mine, other, short_name(chosen)))
        for model, other in found.items()
        if model != chosen
    ]
    shown.append(("Rows tested", count(evaluation["rows"]), "put aside before training, used for nothing else"))
    return joined(_banner(verdict), paragraph(words.reading(mine.value)), tiles(*shown))


def _interval(estimate: Estimate, show: Callable[[float | None], str]) -> str:
    return "" if estimate.low is None else f", plausibly between {show(estimate.low)} and {show(estimate.high)}"


def _against(metric: str, mine: Estimate, other: Estimate, name: str) -> str:
    gain, show = leads(metric, mine, other), metric_words(metric).show
    if level(metric, mine, other):
        return f"the {name} is level with it"
    return f"the {name} is {show(abs(gain))} {'better' if gain > 0 else 'worse'}"


def _banner(verdict: dict[str, Any]) -> Html:
    version, champion = verdict["version"], verdict["champion_version"]
    if verdict["decision"] == "promoted":
        return callout("good", f"Version {version} is the champion", paragraph("From now on it scores the new rows."))
    if verdict["decision"] == "already champion":
        return callout("good", f"Version {version} is the champion", paragraph("It was already; nothing has changed."))
    now = f"Version {champion} stays the champion and goes on scoring." if champion else "There is no champion yet."
    return callout("bad", f"Version {version} was not promoted", paragraph(f"{named(verdict['reasons'][0])} {now}"))
