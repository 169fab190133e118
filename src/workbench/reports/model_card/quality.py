"""All metrics of all models side by side, and what the difference amounts to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.reports.estimates import Estimate, candidate, estimates, lead_over, leads, level, undefined
from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.locale import say
from workbench.reports.words import (
    MINUS,
    MODELS,
    capital,
    count,
    metric_words,
    model_name,
    number,
    short_name,
    unbroken,
)

__all__ = ["comparison", "metric_table"]

MOST_SENTENCES = 2
"""Models that are spoken of one by one; more are a table."""


def metric_table(evaluation: dict[str, Any]) -> Html:
    """One row a metric, one column a model; the best of each row stands out."""
    task = evaluation["task"]
    models = [model for model in dict.fromkeys([candidate(evaluation), *MODELS]) if model in evaluation["models"]]
    metrics = dict.fromkeys((evaluation["primary"], *evaluation["models"][candidate(evaluation)]))
    rows = []
    for metric in metrics:
        words, found = metric_words(metric), estimates(evaluation, metric)
        if not found:
            continue
        best = max(found, key=lambda model: leads(metric, found[model], Estimate(0.0)))
        which = say("primary metric: ") if metric == evaluation["primary"] else ""
        direction = say("higher is better") if words.higher_is_better else say("lower is better")
        cells = [_cell(found.get(model), words.show, best=model == best) for model in models]
        note = say("{short}; {direction}", short=f"{which}{words.short}", direction=direction)
        rows.append([Cell(words.label, note=note), *cells])
    return table(
        ["", *(model_name(model, task) for model in models)],
        rows,
        numbers=range(1, len(models) + 1),
        caption=say(
            "On {rows} held-out rows; best of each line in bold, confidence intervals below.",
            rows=count(evaluation["rows"]),
        ),
    )


def _cell(estimate: Estimate | None, show: Any, *, best: bool) -> Cell:
    if estimate is None:
        return Cell("—", "quiet")
    interval = ""
    if estimate.low is not None and estimate.low != estimate.high:
        low, high = show(estimate.low), show(estimate.high)
        # One unit for both ends: five models stand side by side.
        interval = say("{low} to {high}", low=low.removesuffix(" %"), high=high)
    return Cell(show(estimate.value), "best" if best else "", unbroken(interval))


def comparison(evaluation: dict[str, Any]) -> Html:
    """In words: is the candidate better than guessing, and is it better than what is simpler."""
    task, metric = evaluation["task"], evaluation["primary"]
    found = estimates(evaluation, metric)
    mine = candidate(evaluation)
    if mine not in found:
        return paragraph(undefined(evaluation))
    others = [other for other in found if other != mine]
    pairs = {other: lead_over(evaluation, metric, other) for other in others}
    if len(others) > MOST_SENTENCES and all(pairs.values()):
        told = _leads(metric, mine, task, {other: lead for other, lead in pairs.items() if lead})
    else:
        told = joined(
            *(
                paragraph(_sentence(metric, (mine, other), (found[mine], found[other]), task, pairs[other]))
                for other in others
            )
        )
    return joined(told, paragraph(say("In other words:")), _readings(evaluation))


def _leads(metric: str, mine: str, task: str, pairs: dict[str, Estimate]) -> Html:
    """The same for many models, where sentences would repeat themselves: a row each."""
    show = metric_words(metric).show
    rows = [
        [
            model_name(other, task),
            _with_sign(lead.value, show),
            say("{low} to {high}", low=_with_sign(lead.low, show), high=_with_sign(lead.high, show)),
            say("yes") if lead.apart_from(Estimate(0.0, 0.0, 0.0)) else say("no"),
        ]
        for other, lead in pairs.items()
    ]
    return table(
        [say("Compared with"), say("Lead"), say("Plausibly between"), say("Beyond chance")],
        rows,
        numbers=[1, 2],
        caption=say(
            "{own}: each pair tried on the same held-out rows, drawn again and again.",
            own=capital(short_name(mine)),
        ),
    )


def _with_sign(value: float | None, show: Callable[[float | None], str]) -> str:
    if value is None:
        return show(None)
    text = show(abs(value))
    if text.startswith("<"):  # of an interval, it matters on which side of nothing it begins
        text = f"{number(100 * abs(value), 1)} %" if text.endswith("%") else number(abs(value), 1)
    return text if text == show(0.0) else f"{'+' if value > 0 else MINUS}{text}"


def _readings(evaluation: dict[str, Any]) -> Html:
    """The candidate's metrics, one sentence each."""
    own = evaluation["models"][candidate(evaluation)]
    metrics = dict.fromkeys((evaluation["primary"], *own))
    return tag(
        "ul",
        *(
            tag("li", metric_words(name).reading(own[name]["value"]))
            for name in metrics
            if own[name]["value"] is not None
        ),
    )


def _sentence(
    metric: str, models: tuple[str, str], values: tuple[Estimate, Estimate], task: str, lead: Estimate | None
) -> str:
    words, (mine, other) = metric_words(metric), values
    own, name = short_name(models[0]), model_name(models[1], task)
    gain = leads(metric, mine, other)
    if level(metric, mine, other):
        return capital(say("{own} and “{name}” are level.", own=own, name=name))
    values_of = {"own": own, "name": name, "gain": words.show(abs(gain))}
    ahead = say("{own} is ahead of “{name}” by {gain}", **values_of)
    start = capital(ahead if gain > 0 else say("{own} is behind “{name}” by {gain}", **values_of))
    if lead is not None:
        return say("{start}; {paired}", start=start, paired=_paired(lead, words.show))
    if mine.apart_from(other):
        return say(
            "{start}; their confidence intervals lie apart, so this is no accident of the rows that were held out.",
            start=start,
        )
    return say(
        "{start}; their confidence intervals overlap, so on other rows it might have been the other way round.",
        start=start,
    )


def _paired(lead: Estimate, show: Callable[[float | None], str]) -> str:
    """What drawing the held-out rows again and again says of a lead."""
    assert lead.low is not None  # noqa: S101 - a lead without its ends is none
    assert lead.high is not None  # noqa: S101
    if lead.low > 0 or lead.high < 0:
        ends = sorted((abs(lead.low), abs(lead.high)))
        return say(
            "with both tried on the same rows, drawn again and again, it is between {ends} and {ends_2}, so this "
            "is no accident of the rows that were held out.",
            ends=show(ends[0]),
            ends_2=show(ends[1]),
        )
    return say(
        "with both tried on the same rows, drawn again and again, it lies between {low} behind and {high} ahead, "
        "so on other rows it might have been the other way round.",
        low=show(-lead.low),
        high=show(lead.high),
    )
