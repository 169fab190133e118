"""Whether the model serves all groups alike."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.charts.groups import by_group
from workbench.reports.estimates import Estimate, candidate, estimates, leads
from workbench.reports.html import Html, callout, joined, paragraph, tag
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
            "No groups were named. Name columns under “segments” and “protected” in the client's client.yml, and this "
            "section shows the metric for each of their values."
        )
    worst = weakest(segments, metric)
    if worst is None:
        return paragraph("No group has enough held-out rows to be judged.")
    show = metric_words(metric).show
    where = (
        f": {metric_words(metric).label} {show(worst[metric])} on {count(worst['rows'])} rows, against "
        f"{show(evaluation['models'][candidate(evaluation)][metric]['value'])} on all."
    )
    return joined(
        paragraph(f"It is weakest where {worst['column']} is ", tag("b", worst["value"]), where),
        *(_protected(column, segments, metric) for column in client.protected),
    )


def _protected(column: str, segments: list[dict[str, Any]], metric: str) -> Html:
    words = metric_words(metric)
    groups = [g for g in segments if g["column"] == column and g[metric] is not None]
    if len(groups) < 2:
        text = "Fewer than two groups have enough held-out rows to be compared."
        return callout("note", f"Protected: {column}", paragraph(text))
    ordered = sorted(groups, key=lambda group: leads(metric, Estimate(group[metric]), Estimate(0.0)))
    low, high = ordered[0], ordered[-1]
    text = (
        f"Worst served: {low['value']} ({words.show(low[metric])}); best served: {high['value']} "
        f"({words.show(high[metric])}). Apart by {words.show(abs(high[metric] - low[metric]))}."
    )
    return callout("note", f"Protected: {column}", paragraph(text))


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
            pieces.append(paragraph(f"The {SHOWN} largest of {len(groups)} groups.", class_="quiet"))
    return joined(*pieces)
