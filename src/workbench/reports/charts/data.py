"""What came in: rows kept, values missing, and the time that they span."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workbench.reports.charts.rows import name_rows
from workbench.reports.html import Html
from workbench.reports.locale import day, months, say
from workbench.reports.style import BLUE, INK, MUTED, VERMILLION, picture
from workbench.reports.words import count, percent

__all__ = ["kept_rows", "missing_shares", "time_spans"]


def kept_rows(tables: dict[str, dict[str, Any]]) -> Html:
    """The share of each table's rows that was kept.

    Args:
        tables: name to ``read``, ``kept``, ``quarantined`` and ``quarantined_share``.
    """
    names = list(tables)
    alt = "; ".join(
        say("{name}: {kept} of {read} rows kept", name=name, kept=count(one["kept"]), read=count(one["read"]))
        for name, one in tables.items()
    )
    caption = say("Each bar is one table, all of its rows; blue was kept, orange was refused. In brackets: rows read.")
    with picture(alt=alt, caption=caption, height=0.36 * len(names) + 0.7) as drawn:
        (ax,) = drawn.axes
        kept = [100 * (1 - one["quarantined_share"]) for one in tables.values()]
        ax.barh(range(len(names)), kept, 0.6, color=BLUE)
        ax.barh(range(len(names)), [100 - share for share in kept], 0.6, left=kept, color=VERMILLION)
        for position, one in enumerate(tables.values()):
            text = percent(1 - one["quarantined_share"], 2)
            ax.annotate(
                text, (100, position), (6, 0), textcoords="offset points", va="center", color=INK, weight="bold"
            )
        ax.set(xlim=(0, 112), xlabel=say("% of the rows read"))
        ax.set_xticks([0, 25, 50, 75, 100])
        name_rows(ax, [f"{name}  ({count(one['read'])})" for name, one in tables.items()])
    return drawn.html


def missing_shares(shares: list[tuple[str, float]]) -> Html:
    """The columns in which values are missing, the emptiest on top.

    Args:
        shares: ``table.column`` and the share of its rows that have no value.
    """
    alt = say("Missing: ") + ", ".join(f"{name} {percent(share)}" for name, share in shares)
    caption = say(
        "The share of the kept rows that have no value in that column. Columns that are not here have a value in every "
        "row."
    )
    with picture(alt=alt, caption=caption, height=0.29 * len(shares) + 0.7) as drawn:
        (ax,) = drawn.axes
        ax.barh(range(len(shares)), [100] * len(shares), 0.6, color=MUTED, alpha=0.12)
        ax.barh(range(len(shares)), [100 * share for _, share in shares], 0.6, color=BLUE)
        for position, (_, share) in enumerate(shares):
            ax.annotate(percent(share), (100, position), (6, 0), textcoords="offset points", va="center", color=INK)
        ax.set(xlim=(0, 112), xlabel=say("% of the rows"))
        ax.set_xticks([0, 25, 50, 75, 100])
        name_rows(ax, [name for name, _ in shares])
    return drawn.html


def time_spans(spans: list[tuple[str, datetime, datetime]]) -> Html:
    """From the oldest to the newest value of each column that holds a date or a time.

    Args:
        spans: ``table.column``, oldest, newest.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

    class Written(ConciseDateFormatter):
        def format_ticks(self, values: list[float]) -> list[str]:
            return [months(tick) for tick in super().format_ticks(values)]  # type: ignore[no-untyped-call]

        def get_offset(self) -> str:
            return months(super().get_offset())  # type: ignore[no-untyped-call]

    alt = "; ".join(
        say("{name}: {first} to {last}", name=name, first=day(first, short=True), last=day(last, short=True))
        for name, first, last in spans
    )
    caption = say(
        "From the oldest to the newest value. A bar that ends before the others is a table that is no longer filled."
    )
    with picture(alt=alt, caption=caption, height=0.38 * len(spans) + 0.8) as drawn:
        (ax,) = drawn.axes
        for position, (_, first, last) in enumerate(spans):
            ends = date2num([first, last])  # type: ignore[no-untyped-call]
            ax.plot(ends, [position, position], color=BLUE, lw=8, solid_capstyle="round")
        locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(Written(locator))  # type: ignore[no-untyped-call]
        ax.margins(x=0.05)
        name_rows(ax, [name for name, _, _ in spans])
    return drawn.html
