"""The section that every report has: what changed since the last one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from workbench.reports.html import Cell, Html, joined, paragraph, table
from workbench.reports.locale import moment
from workbench.reports.words import count, number

__all__ = ["what_changed"]

LONGEST = 60


def what_changed(changes: dict[str, Any], most: int | None = None) -> Html:
    """In words and as a table.

    Args:
        changes: see :func:`workbench.reports.compare.compare`.
        most: changes that are named on a short page; None: all of those that were kept.
    """
    if changes["since"] is None:
        return paragraph("This is the first report of its kind, so there is nothing to compare it with.")
    since = f"the last report, of {_moment(changes['since'])}"
    if not changes["changes"]:
        return paragraph(f"Nothing changed: every number is as it was in {since}.")
    named = changes["changes"][:most]
    total = len(changes["changes"]) + sum(changes["more"].values())
    words = "1 number or text differs" if total == 1 else f"{count(total)} numbers or texts differ"
    more = changes["more"] if len(named) == len(changes["changes"]) else {}
    return joined(
        paragraph(f"{words} from {since}. The largest changes of each table come first."),
        table(["What", "Last time", "Now", "Change"], [_row(one) for one in named], numbers=[1, 2, 3]),
        *(paragraph(_more(name, many), class_="quiet") for name, many in more.items()),
    )


def _row(change: dict[str, Any]) -> list[Cell | str]:
    what = Cell(_short(change["entry"]), note=change["table"].replace("_", " "))
    return [what, _value(change["before"]), _value(change["now"]), _by(change["by"])]


def _more(name: str, many: int) -> str:
    return f"{count(many)} more in {name.replace('_', ' ')}."


def _moment(text: str) -> str:
    return f"{moment(datetime.fromisoformat(text))} UTC"


def _value(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return number(value, 4) if isinstance(value, float) else _short(str(value), 24)


def _by(share: float | None) -> str:
    if share is None:
        return ""
    percent = 100 * share
    return f"{percent:+,.0f} %" if abs(percent) >= 10 else f"{percent:+.2g} %"


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
