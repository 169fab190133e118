"""How far columns have moved, and what they look like before and after."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

from workbench.reports.charts.rows import leave_room, name_rows
from workbench.reports.html import Html
from workbench.reports.locale import say, spoken
from workbench.reports.sentences import BINS
from workbench.reports.style import BLUE, GREY, INK, MUTED, ORANGE, PAPER, picture
from workbench.reports.words import number, percent

__all__ = ["before_and_now", "furthest"]

DRIFTED = "#c44f00"
"""Vermillion, darker: as it is, it and orange are nearly one colour to people with deuteranopia."""

STATE_COLOURS = {"stable": BLUE, "watch": ORANGE, "drift": DRIFTED}
MOST_BINS = 12
ROOM, LONGEST = 82, 18
"""Characters that fit side by side below a chart, else they are written aslant; and of one name."""


def furthest(columns: list[dict[str, Any]], limits: dict[str, float]) -> Html:
    """The index of each column, with the two limits.

    Args:
        columns: ``column``, ``psi`` and ``state`` of each, the furthest first.
        limits: ``watch`` and ``drift``.
    """
    alt = say("Population stability index: ") + ", ".join(f"{c['column']} {number(c['psi'], 2)}" for c in columns)
    caption = say(
        "The population stability index of each column. Dotted lines: from {watch} on a column is watched "
        "(orange), from {drift} on it has drifted (red), unless chance alone could explain it (blue).",
        watch=number(limits["watch"], trimmed=True),
        drift=number(limits["drift"], trimmed=True),
    )
    from matplotlib.patheffects import withStroke

    # The lines of the two limits pass behind the numbers of what stays below them.
    halo = [withStroke(linewidth=3, foreground=PAPER)]
    with picture(alt=alt, caption=caption, height=0.3 * len(columns) + 0.9) as drawn:
        (ax,) = drawn.axes
        ax.barh(
            range(len(columns)), [c["psi"] for c in columns], 0.62, color=[STATE_COLOURS[c["state"]] for c in columns]
        )
        for position, column in enumerate(columns):
            text = number(column["psi"], 2)
            place: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
            ax.annotate(text, (column["psi"], position), (5, 0), color=INK, path_effects=halo, **place)
        for name in ("watch", "drift"):
            ax.axvline(limits[name], color=MUTED, lw=1, ls=":")
        ax.set(
            xlabel=say("population stability index"),
            xlim=(0, 1.12 * max(limits["drift"], *(c["psi"] for c in columns))),
        )
        name_rows(ax, [c["column"] for c in columns])
    return drawn.html


def before_and_now(column: str, bins: list[dict[str, Any]], reference: str = "") -> Html:
    """The share of the rows in each bin, before and now.

    Args:
        column: its name.
        bins: ``bin``, ``before`` and ``now``; the commonest of them are shown if there are many.
        reference: what the rows before are called; the training's, if nothing else is said.
    """
    kept = sorted(sorted(bins, key=lambda one: -max(one["before"], one["now"]))[:MOST_BINS], key=bins.index)
    names = _names([one["bin"] for one in kept])
    widest = max(kept, key=lambda one: abs(one["now"] - one["before"]))
    gap = say("{before} before, {now} now", before=percent(widest["before"]), now=percent(widest["now"]))
    alt = say(
        "{column}, by bin. The bin that moved most, “{bin}”: {gap}.",
        column=column,
        bin=names[kept.index(widest)],
        gap=gap,
    )
    fewer = say(" The {kept} commonest of {bins}.", kept=len(kept), bins=len(bins)) if len(kept) < len(bins) else ""
    caption = say(
        "Share of the rows in each bin. “{bin}” moved most: {gap}.{fewer}",
        bin=names[kept.index(widest)],
        gap=gap,
        fewer=fewer,
    )
    with picture(alt=alt, caption=caption, height=2.5) as drawn:
        (ax,) = drawn.axes
        places = range(len(kept))
        before = reference or say("training")
        ax.bar([x - 0.2 for x in places], [100 * one["before"] for one in kept], 0.38, color=GREY, label=before)
        ax.bar([x + 0.2 for x in places], [100 * one["now"] for one in kept], 0.38, color=BLUE, label=say("new rows"))
        ticks = [_short(name).replace("$", r"\$") for name in names]
        pairs = zip(ticks, ticks[1:] or ticks, strict=False)
        aslant = max(len(one) + len(other) for one, other in pairs) * len(ticks) > 2 * ROOM
        ax.set_xticks(list(places), ticks, rotation=30 if aslant else 0, ha="right" if aslant else "center")
        ax.tick_params(axis="x", length=0)
        ax.grid(visible=False, axis="x")
        ax.set_ylabel(say("% of the rows"))
        leave_room(ax)
        ax.legend(loc="upper center", ncols=2)
    return drawn.html


def _names(bins: list[str]) -> list[str]:
    """Upper bounds by their sign, each with as few digits as leave it where it is between its neighbours."""
    bounds = {one: bound for one in bins if (bound := _bound(one)) is not None}
    return [
        f"≤ {number(bounds[one], _digits(bounds[one], list(bounds.values())), trimmed=True)}"
        if one in bounds
        else spoken(one, BINS)
        for one in bins
    ]


def _bound(one: str) -> float | None:
    with suppress(ValueError):
        return float(one.removeprefix("up to ")) if one.startswith("up to ") else None
    return None


def _digits(bound: float, bounds: list[float]) -> int:
    gap = min((abs(bound - other) for other in bounds if other != bound), default=math.inf)
    return next((many for many in range(3, 17) if abs(float(f"{bound:.{many}g}") - bound) <= gap / 4), 17)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
