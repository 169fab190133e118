"""Whether the model serves all groups alike."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.charts.groups import by_group
from workbench.reports.estimates import Estimate, candidate, estimates, leads
from workbench.reports.html import Html, callout, joined, paragraph, tag
from workbench.reports.locale import say
from workbench.reports.words import count, metric_words

__all__ = ["group_charts", "group_reading", "weakest"]

SHOWN = 25


def weakest(segments: list[dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """The group with the worst metric, among those that have one: a group with too few rows does not."""
    judged = [group for group in segments if group[metric] is not None]
    return min(judged, key=lambda group: leads(metric, Estimate(group[metric]), Estimate(0.0)), default=None)


def group_reading(client: Client, segments: list[dict[str, Any]], evaluation: dict[str, Any]) -> Html:
    """In words: where it is weakest, and how far the protected groups are apart."""
    metric = evaluation["primary"]
    if not segments:
        return paragraph(
            say(
                "No groups were named. Name columns under “segments” and “protected” in the client's client.yml, "
                "and this "
                "section shows the metric for each of their values."
            )
        )
    worst = weakest(segments, metric)
    if worst is None:
        return paragraph(say("No group has enough held-out rows to be judged."))
    show = metric_words(metric).show
    where = say(
        ": {label} {metric} on {rows} rows, against {value} on all.",
        label=metric_words(metric).label,
        metric=show(worst[metric]),
        rows=count(worst["rows"]),
        value=show(evaluation["models"][candidate(evaluation)][metric]["value"]),
    )
    return joined(
        paragraph(say("It is weakest where {column} is ", column=worst["column"]), tag("b", worst["value"]), where),
        *(_protected(column, segments, metric) for column in client.protected),
    )


def _protected(column: str, segments: list[dict[str, Any]], metric: str) -> Html:
    words = metric_words(metric)
    groups = [g for g in segments if g["column"] == column and g[metric] is not None]
    if len(groups) < 2:
        text = say("Fewer than two groups have enough held-out rows to be compared.")
        return callout("note", say("Protected: {column}", column=column), paragraph(text))
    ordered = sorted(groups, key=lambda group: leads(metric, Estimate(group[metric]), Estimate(0.0)))
    low, high = ordered[0], ordered[-1]
    text = say(
        "Worst served: {value} ({metric}); best served: {value_2} ({metric_2}). Apart by {metric_3}.",
        value=low["value"],
        metric=words.show(low[metric]),
        value_2=high["value"],
        metric_2=words.show(high[metric]),
        metric_3=words.show(abs(high[metric] - low[metric])),
    )
    return callout("note", say("Protected: {column}", column=column), paragraph(text))


def group_charts(segments: list[dict[str, Any]], evaluation: dict[str, Any]) -> Html:
    """One chart a column."""
    metric = evaluation["primary"]
    overall = estimates(evaluation, metric).get(candidate(evaluation))
    if overall is None:
        return Html()
    pieces = []
    for column in dict.fromkeys(group["column"] for group in segments):
        groups = sorted((g for g in segments if g["column"] == column), key=lambda group: -group["rows"])
        if not any(group[metric] is not None for group in groups):
            continue
        pieces.append(tag("h3", column))
        pieces.append(by_group(column, groups[:SHOWN], metric, overall))
        if len(groups) > SHOWN:
            pieces.append(
                paragraph(
                    say("The {shown} largest of {groups} groups.", shown=SHOWN, groups=len(groups)), class_="quiet"
                )
            )
    return joined(*pieces)
