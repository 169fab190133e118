"""The section that every report has: what changed since the last one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from workbench.reports.executive.health import SIGNS, sign
from workbench.reports.html import Cell, Html, callout, facts, joined, paragraph, table
from workbench.reports.locale import day, moment, noted, say, say_count, spoken
from workbench.reports.sentences import BINS, NEW_ROWS, SENTENCES
from workbench.reports.words import count, label, number, signed, signed_percent

__all__ = ["what_changed"]

LONGEST, WORDY = 80, 100
ROLES = frozenset({noted("feature"), noted("prediction"), noted("answer")})
"""What a column of the client's is to a model, where a row begins with it."""

ROWS = (noted("row {number}"),)
SAID = (*NEW_ROWS, *SENTENCES)
"""Sentences that a value may be, in English in its table."""

UP, DOWN = "▲", "▼"


def what_changed(changes: dict[str, Any], most: int | None = None) -> Html:
    """In words and as a table: rows that came, rows that went, and what has another value.

    Args:
        changes: see :func:`workbench.reports.compare.compare`.
        most: changes that are named on a short page; None: all of those that were kept.
    """
    if changes["since"] is None:
        return paragraph(say("This is the first report of its kind, so there is nothing to compare it with."))
    since = say("the last report, of {since}", since=_moment(changes["since"]))
    found = {kind: changes[kind] for kind in ("changes", "new", "gone")}
    if not any(found.values()):
        return callout(
            "good", say("Nothing changed"), paragraph(say("Every number is as it was in {since}.", since=since))
        )
    more: dict[str, int] = changes["more"]
    total = sum(map(len, found.values())) + sum(more.values())
    words = (
        say("One thing differs from {since}.", since=since)
        if total == 1
        else say("{total} things differ from {since}.", total=count(total), since=since)
    )
    named = changes["changes"][:most]
    rest = total - len(named) - len(changes["new"]) - len(changes["gone"])
    return joined(
        paragraph(say("{words} The largest changes of each table come first.", words=words) if named[1:] else words),
        facts({say("New"): _rows(changes["new"]), say("No longer there"): _rows(changes["gone"])}),
        table(
            [say("What"), say("Last time"), say("Now"), say("Change")], [_row(one) for one in named], numbers=[1, 2, 3]
        )
        if named
        else None,
        _more(more) if len(named) == len(changes["changes"]) else _rest(rest),
    )


def _rows(rows: Sequence[dict[str, Any]]) -> str:
    return "; ".join(
        f"{_entry(one['entry'])} ({label(one['table'])})" if one["entry"] else label(one["table"]) for one in rows
    )


def _row(change: dict[str, Any]) -> list[Cell | str]:
    what = Cell(_entry(change["entry"]), note=label(change["table"]))
    shown = (
        sign if change["table"] == "executive_checks" and {change["before"], change["now"]} <= SIGNS.keys() else _value
    )
    return [what, shown(change["before"]), shown(change["now"]), _by(change["by"], change["difference"])]


def _entry(text: str) -> str:
    """A row and what of it differs: that comes last, and is never cut off."""
    *row, what = [_name(part) for part in text.split(" · ")]
    if not row:
        return _short(what)
    return f"{_short(' · '.join(row), max(LONGEST - len(what) - 3, LONGEST // 3))} · {_short(what)}"


def _name(text: str) -> str:
    """What a row or a value is called; of a column of the client's, what it is for and its bin have our words."""
    role, *middle = text.split(", ")
    if not middle:
        return spoken(text, ROWS) if text.startswith("row ") else label(text)
    if role not in ROLES:
        return label(text)
    return ", ".join([say(role), *middle[:-1], spoken(middle[-1], BINS) if middle[1:] else middle[-1]])


def _more(more: dict[str, int]) -> Html | None:
    if not more:
        return None
    tables = ", ".join(say("{table}: {many}", table=label(name), many=count(many)) for name, many in more.items())
    return paragraph(say("More that differs, by table: {tables}.", tables=tables), class_="quiet")


def _rest(many: int) -> Html | None:
    if not many:
        return None
    told = say_count(
        "One more is in the tables beside this page.",
        "{many} more are in the tables beside this page.",
        many,
        many=count(many),
    )
    return paragraph(told, class_="quiet")


def _moment(text: str) -> str:
    return f"{moment(datetime.fromisoformat(text))} UTC"


def _value(value: Any) -> Cell | str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number(value, 4)
    return _when(str(value)) or Cell(_short(_sentence(str(value)), WORDY), "words")


def _when(text: str) -> str:
    """A day or a moment as the reader writes it; nothing if the text is neither."""
    with suppress(ValueError):
        return day(date.fromisoformat(text), short=True)
    with suppress(ValueError):
        return moment(datetime.fromisoformat(text), short=True)
    return ""


def _sentence(text: str) -> str:
    said = spoken(text, SAID)
    return label(text) if said == text else said


def _by(share: float | None, difference: float | None) -> str:
    """Which way, and how far: relative where that can be said, or else absolute."""
    if not difference:
        return ""
    arrow = UP if difference > 0 else DOWN
    return f"{arrow} {signed(difference) if share is None else signed_percent(share)}"


def _short(text: str, longest: int = LONGEST) -> str:
    """The text, or as many of its words as there is room for."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    words = cut.rpartition(" ")[0]
    return f"{words if len(words) > longest // 2 else cut}…"
