"""A search for settings: what was tried, and what came of it."""

from __future__ import annotations

import math
from typing import Any

from workbench.reports.html import Html, paragraph
from workbench.reports.locale import say
from workbench.reports.style import BLUE, GREY, INK, picture
from workbench.reports.words import count, number

__all__ = ["parallel_coordinates"]

LOGARITHMIC = ("learning_rate", "weight_decay")
KNOWN = ("trial", "state", "validation_loss", "epochs", "seconds", "best")


def parallel_coordinates(trials: list[dict[str, Any]]) -> Html:
    """A line a trial, across one axis a setting to the validation loss; a sentence if there was no search.

    Inselberg: "The plane with parallel coordinates", The Visual Computer 1985.
    """
    told = [row for row in trials if row["validation_loss"] is not None and row["learning_rate"] is not None]
    if len(told) < 2:
        return paragraph(say("Its settings are the defaults; a search for better ones is asked for with train.tune."))
    names = [name for name in told[0] if name not in KNOWN] + ["validation_loss"]
    # One that was given up may have any loss; the axis is for those that were not, and it ends at the top.
    whole = [row for row in told if row["state"] == "complete"] or told
    ends = {name: (min(row[name] for row in told), max(row[name] for row in told)) for name in names}
    losses = [row["validation_loss"] for row in whole]
    ends["validation_loss"] = (min(losses), max(losses))
    best = next((row for row in told if row["best"]), min(told, key=lambda row: row["validation_loss"]))
    given_up = sum(row["state"] == "pruned" for row in told)
    alt = say(
        "{told} settings were tried, {given_up} of them given up early. The best is trial {trial}: ",
        told=len(told),
        given_up=given_up,
        trial=best["trial"],
    ) + ", ".join(f"{name.replace('_', ' ')} {number(best[name])}" for name in names)
    caption = say(
        "A line is one of {told} settings that were tried; the blue one was the best, dotted ones were given up "
        "early, and one whose loss was beyond the axis ends at its top. Lower is better. Where the good lines meet "
        "on an axis, that setting matters.",
        told=len(told),
    )
    with picture(alt=alt, caption=caption, height=3.2) as drawn:
        (ax,) = drawn.axes
        for row in sorted(told, key=lambda row: row is best):
            style: dict[str, Any] = {"color": BLUE, "lw": 2.2} if row is best else {"color": GREY, "lw": 0.9}
            places = [_place(name, row[name], *ends[name]) for name in names]
            ax.plot(range(len(names)), places, ls=":" if row["state"] == "pruned" else "-", **style)
        for at, name in enumerate(names):
            ax.axvline(at, color=INK, lw=0.8)
            for end, value in enumerate(ends[name]):
                ax.annotate(_written(value), (at, end), (0, 5 if end else -5), textcoords="offset points", ha="center",
                            va="bottom" if end else "top", color=INK, fontsize=8)  # fmt: skip
        ax.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
        ax.set_yticks([])
        ax.set_ylim(-0.14, 1.14)
        ax.grid(visible=False)
    return drawn.html


def _place(name: str, value: float, low: float, high: float) -> float:
    """Between 0 and 1 on an axis from the smallest to the largest value that was tried."""
    if low == high:
        return 0.5
    if name in LOGARITHMIC:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return min((value - low) / (high - low), 1.0)


def _written(value: float) -> str:
    return count(value) if value == round(value) else number(value)
