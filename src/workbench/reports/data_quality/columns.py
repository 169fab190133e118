"""Column by column: what is missing, what it ranges over, and how fresh it is."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from workbench.clients import Client, Schema
from workbench.reports.charts.data import missing_shares, time_spans
from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.locale import day, decimal, moment, say
from workbench.reports.words import count, number, percent, unbroken
from workbench.schemas.distinct import is_exact

__all__ = ["column_tables", "freshness", "missing", "missing_columns", "spans"]

MOST_COLUMNS = 25

OPEN_ENDED = 9000
"""A date from this year on stands for "no end", and would squeeze all others into one pixel."""

TIMES = frozenset({"date", "timestamp"})
"""Types of columns whose smallest and largest value are ISO dates, or moments; any other text is somebody's."""


def missing_columns(summary: dict[str, Any]) -> list[tuple[str, float]]:
    """``table.column`` and the share that is missing, of all columns with gaps, the emptiest first."""
    shares = [
        (f"{name}.{column}", profile["null_share"])
        for name, one in summary["tables"].items()
        for column, profile in one["columns"].items()
        if profile["null_share"] > 0
    ]
    return sorted(shares, key=lambda pair: -pair[1])


def missing(summary: dict[str, Any]) -> Html:
    """Where values are missing."""
    shares = missing_columns(summary)
    if not shares:
        return paragraph(say("Nothing: every column has a value in every row."))
    more = (
        say("The {most_columns} emptiest of {shares} columns with gaps.", most_columns=MOST_COLUMNS, shares=len(shares))
        if len(shares) > MOST_COLUMNS
        else None
    )
    return joined(missing_shares(shares[:MOST_COLUMNS]), paragraph(more, class_="quiet") if more else None)


def spans(summary: dict[str, Any]) -> list[tuple[str, datetime, datetime]]:
    """``table.column``, oldest and newest value, of all columns with a date or a time."""
    found = []
    for name, one in summary["tables"].items():
        for column, profile in one["columns"].items():
            if profile["type"] in TIMES and profile["min"] and profile["max"]:
                first, last = _moment(profile["min"]), _moment(profile["max"])
                if last.year < OPEN_ENDED:
                    found.append((f"{name}.{column}", first, last))
    return found


def _moment(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=None) if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)


def freshness(summary: dict[str, Any]) -> Html:
    """How old the newest rows are."""
    found = spans(summary)
    if not found:
        return paragraph(
            say("No table has a column with dates or times, so their age cannot be told from their content.")
        )
    name, _, last = max(found, key=lambda span: span[2])
    return joined(
        paragraph(say("The newest value is of {last}, in {name}.", last=day(last), name=name)),
        time_spans(found[:MOST_COLUMNS]),
    )


def column_tables(client: Client, summary: dict[str, Any], schema: Schema | None) -> Html:
    """Each table's columns. Of a personal column, only counts are shown."""
    pieces = []
    for name, one in summary["tables"].items():
        described = schema.tables[name].columns if schema and name in schema.tables else {}
        rows = [
            [
                Cell(column, note=described[column].description if column in described else ""),
                profile["type"],
                Cell(
                    percent(profile["null_share"]) if profile["null_share"] else "—",
                    "" if profile["null_share"] else "quiet",
                ),
                count(profile["distinct"]),
                _range(profile, personal=column in client.personal),
            ]
            for column, profile in one["columns"].items()
        ]
        distinct = say("Distinct") if is_exact(one["kept"]) else say("Distinct, about")
        pieces += [
            tag("h3", name),
            table([say("Column"), say("Type"), say("Missing"), distinct, say("Range")], rows, numbers=[2, 3]),
        ]
    return joined(*pieces)


def _range(profile: dict[str, Any], *, personal: bool) -> Cell:
    if personal:
        return Cell(say("personal: not shown"), "quiet")
    low, high = profile["min"], profile["max"]
    if low is None or high is None:
        return Cell("—", "quiet")
    mean = say("mean {mean}", mean=_value(profile["mean"])) if profile["mean"] is not None else ""
    ends = [_when(end) if profile["type"] in TIMES else _value(end) for end in (low, high)]
    return Cell(ends[0] if low == high else say("{low} to {high}", low=ends[0], high=ends[1]), note=mean)


def _value(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        grouped = round(abs(value)) >= 10_000  # a year must not read 2,013
        if isinstance(value, int):
            return decimal(str(value), grouped=grouped)
        return number(value, 4, grouped=grouped, trimmed=True)
    text = str(value)
    return text if len(text) <= 24 else text[:23] + "…"


def _when(text: str) -> str:
    """A day, or a time of it, as the reader writes it; on one line."""
    when = _moment(text)
    return unbroken(day(when, short=True) if "T" not in text or when.time() == time() else moment(when, short=True))
