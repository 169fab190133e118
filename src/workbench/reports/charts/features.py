"""Which columns the model looks at."""

from __future__ import annotations

from typing import Any

from workbench.reports.charts.rows import name_rows
from workbench.reports.html import Html, paragraph
from workbench.reports.locale import say
from workbench.reports.style import BLUE, INK, MUTED, picture
from workbench.reports.words import count, metric_words, number

__all__ = ["importance"]

NEXT_TO_NOTHING = 0.01
"""Share of the longest bar under which nobody sees one, and its digits say nothing."""


def importance(features: list[dict[str, Any]], metric: str, top: int, of: int = 0) -> Html:
    """How much worse the primary metric gets when a column is shuffled, the most important on top.

    Args:
        features: ``feature``, ``importance`` and its standard deviation ``std`` over the repeats.
        metric: the primary metric's name.
        top: how many columns are shown.
        of: how many columns the model has; of a wide table not each is shuffled.
    """
    ranked = sorted(features, key=lambda row: -row["importance"])[:top]
    label = metric_words(metric).label
    if not ranked:
        return paragraph(say("{label} is undefined on the held-out rows, so nothing can be said.", label=label))
    alt = say("Loss of {label} when shuffled: ", label=label) + ", ".join(
        f"{r['feature']} {number(r['importance'], 2)}" for r in ranked
    )
    caption = say(
        "How much {label} is lost when the values of one column are shuffled. Columns that tell the same share "
        "their importance; a long bar says that the model uses the column, not that the column is the cause.",
        label=label,
    )
    if of > len(features):
        caption += " " + say(
            "Of {columns} columns, these are from the {count} that a forest needs most to say what the model says.",
            columns=count(of),
            count=count(len(features)),
        )
    with picture(alt=alt, caption=caption, height=0.29 * len(ranked) + 0.8) as drawn:
        (ax,) = drawn.axes
        errors = [row["std"] or 0 for row in ranked]
        bars = [row["importance"] for row in ranked]
        ax.barh(range(len(ranked)), bars, 0.62, xerr=errors, color=BLUE, error_kw={"ecolor": MUTED, "elinewidth": 1.2})
        ax.axvline(0, color=MUTED, lw=1)
        for position, (bar, error) in enumerate(zip(bars, errors, strict=True)):
            place: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
            text = number(bar, 2) if abs(bar) > NEXT_TO_NOTHING * max(bars) else "≈ 0"
            ax.annotate(text, (max(bar + error, 0), position), (5, 0), color=INK, **place)
        ax.margins(x=0.12)
        ax.set_xlabel(say("{label} lost", label=label))
        name_rows(ax, [row["feature"] for row in ranked])
    return drawn.html
