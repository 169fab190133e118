"""What a reader takes away in ten seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.clients import Client
from workbench.reports.estimates import Estimate, candidate, estimates, leads, level, undefined
from workbench.reports.html import Html, callout, joined, paragraph, tag, tiles
from workbench.reports.locale import noted, say
from workbench.reports.words import count, metric_words, model_name, named, short_name

__all__ = ["lead", "overview"]

QUESTIONS = {
    "binary": noted("a probability between 0 and 100 %, for each row, that the answer is yes"),
    "multiclass": noted("a probability for each class, for each row"),
    "regression": noted("a number for each row"),
}


def lead(client: Client) -> Html:
    """What is predicted and for whom, in the client's own words."""
    what = client.description or say("Predicts '{target}'.", target=client.target)
    return joined(
        paragraph(what, class_="lead"),
        paragraph(
            say("The model gives {task}. It learned to predict the column ", task=say(QUESTIONS[client.task])),
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
    shown.append(
        (say("Rows tested"), count(evaluation["rows"]), say("put aside before training, used for nothing else"))
    )
    return joined(_banner(verdict), paragraph(words.reading(mine.value)), tiles(*shown))


def _interval(estimate: Estimate, show: Callable[[float | None], str]) -> str:
    return (
        ""
        if estimate.low is None or estimate.low == estimate.high  # resampling says nothing of a value without a spread
        else say(", plausibly between {low} and {high}", low=show(estimate.low), high=show(estimate.high))
    )


def _against(metric: str, mine: Estimate, other: Estimate, name: str) -> str:
    gain, show = leads(metric, mine, other), metric_words(metric).show
    if level(metric, mine, other):
        return say("{name} is level with it", name=name)
    better = say("{name} is {gain} better", name=name, gain=show(abs(gain)))
    return better if gain > 0 else say("{name} is {gain} worse", name=name, gain=show(abs(gain)))


def _banner(verdict: dict[str, Any]) -> Html:
    version, champion = verdict["version"], verdict["champion_version"]
    if verdict["decision"] == "promoted":
        return callout(
            "good",
            say("Version {version} is the champion", version=version),
            paragraph(say("From now on it scores the new rows.")),
        )
    if verdict["decision"] == "already champion":
        return callout(
            "good",
            say("Version {version} is the champion", version=version),
            paragraph(say("It was already; nothing has changed.")),
        )
    now = (
        say("Version {champion} stays the champion and goes on scoring.", champion=champion)
        if champion
        else say("There is no champion yet.")
    )
    return callout(
        "bad",
        say("Version {version} was not promoted", version=version),
        paragraph(f"{named(verdict['reasons'][0])} {now}"),
    )
