"""The same metric, group by group; and whether probabilities mean what they say."""

from __future__ import annotations

from typing import Any

from workbench.reports.charts.rows import name_rows
from workbench.reports.estimates import Estimate, leads
from workbench.reports.html import Html
from workbench.reports.locale import say
from workbench.reports.style import BLUE, GREY, MUTED, VERMILLION, picture
from workbench.reports.words import count, metric_words, number, percent

__all__ = ["by_group", "reliability"]


def by_group(column: str, groups: list[dict[str, Any]], metric: str, overall: Estimate) -> Html:
    """The metric of the model in each group of a column, the largest group on top.

    Args:
        column: the segment or protected column.
        groups: ``value``, ``rows`` and the metric (None where it is undefined) of each.
        metric: the primary metric's name.
        overall: the metric on all rows.
    """
    words = metric_words(metric)
    shown = [group for group in groups if group[metric] is not None]
    alt = say("{label} by {column}: ", label=words.label, column=column) + ", ".join(
        f"{g['value']} {words.show(g[metric])}" for g in shown
    )
    caption = say(
        "{label} by {column}; in brackets, held-out rows. The dotted line is all rows together",
        label=words.label,
        column=column,
    )
    caption += f" ({words.show(overall.value)})" + (
        say(", the band its confidence interval.") if overall.low is not None else "."
    )
    with picture(alt=alt, caption=caption, height=0.28 * len(shown) + 0.8) as drawn:
        (ax,) = drawn.axes
        ax.axvline(overall.value, color=MUTED, lw=1, ls=":")
        if overall.low is not None and overall.high is not None:
            ax.axvspan(overall.low, overall.high, color=GREY, alpha=0.18, lw=0)
        for position, group in enumerate(shown):
            value = group[metric]
            colour = VERMILLION if leads(metric, Estimate(value), overall) < 0 else BLUE
            ax.plot([overall.value, value], [position, position], color=colour, lw=2.5)
            ax.plot(value, position, "o", color=colour, ms=7)
        ax.set_xlabel(words.label)
        ax.margins(x=0.1)
        name_rows(ax, [f"{group['value']}  ({count(group['rows'])})" for group in shown])
    return drawn.html


def reliability(bins: list[dict[str, Any]], task: str) -> Html:
    """Predicted against observed, in bins of equal size.

    Args:
        bins: ``predicted`` and ``observed`` means and the number of ``rows`` of each bin.
        task: decides what the axes are called.
    """
    predicted, observed = [row["predicted"] for row in bins], [row["observed"] for row in bins]
    regression = task == "regression"
    show = number if regression else percent
    widest = max(bins, key=lambda row: abs(row["predicted"] - row["observed"]))
    gap = say(
        "predicted {predicted}, observed {observed}",
        predicted=show(widest["predicted"]),
        observed=show(widest["observed"]),
    )
    alt = say("{bins} bins of rows; the widest gap: {gap}.", bins=len(bins), gap=gap)
    what = say("the mean of what it predicted against the mean of what happened") if regression else (
        say("the probability that it gave against how often that came true")
    )  # fmt: skip
    caption = say(
        "Each dot is a group of rows of equal size: {what}. On the dotted line, the two agree. Widest gap: {gap}.",
        what=what,
        gap=gap,
    )
    low, high = min(predicted + observed), max(predicted + observed)
    with picture(alt=alt, caption=caption, height=3.6) as drawn:
        (ax,) = drawn.axes
        ax.plot([low, high], [low, high], color=MUTED, lw=1, ls=":")
        ax.plot(predicted, observed, color=BLUE, lw=1.2, alpha=0.5)
        ax.plot(predicted, observed, "o", color=BLUE, ms=7)
        ax.set(xlabel=say("predicted"), ylabel=say("observed"))
        if not regression:
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    return drawn.html
