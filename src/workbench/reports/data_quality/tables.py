"""Table by table: rows, reasons, and the files that they came from."""

from __future__ import annotations

from typing import Any

from workbench.clients import Schema
from workbench.reports.charts.data import kept_rows
from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.locale import say, spoken
from workbench.reports.sentences import REASONS
from workbench.reports.words import count, percent

__all__ = ["refused", "sources", "table_overview"]

MOST_REASONS = 10


def table_overview(summary: dict[str, Any], schema: Schema | None) -> Html:
    """Rows read, kept and refused: as a picture, and in numbers."""
    described = schema.tables if schema else {}
    rows: list[list[Cell | str]] = [
        [
            Cell(
                name, note=described[name].description if name in described else say("no schema: nothing was checked")
            ),
            count(one["read"]),
            count(one["kept"]),
            Cell(count(one["quarantined"]), "bad" if one["quarantined"] else ""),
            str(len(one["columns"])),
        ]
        for name, one in summary["tables"].items()
    ]
    numbers = table(
        [say("Table"), say("Read"), say("Kept"), say("Refused"), say("Columns")], rows, numbers=[1, 2, 3, 4]
    )
    return joined(kept_rows(summary["tables"]), numbers)


def refused(summary: dict[str, Any]) -> Html:
    """Why rows were refused, the commonest reasons of each table first."""
    pieces = []
    for name, one in summary["tables"].items():
        if not one["reasons"]:
            continue
        shown = list(one["reasons"].items())[:MOST_REASONS]
        rows = [[spoken(reason, REASONS), count(times), percent(times / one["read"], 2)] for reason, times in shown]
        pieces.append(tag("h3", name))
        pieces.append(table([say("Reason"), say("Rows"), say("Of those read")], rows, numbers=[1, 2]))
        if len(one["reasons"]) > MOST_REASONS:
            pieces.append(
                paragraph(
                    say(
                        "The {most_reasons} commonest of {reasons} reasons.",
                        most_reasons=MOST_REASONS,
                        reasons=len(one["reasons"]),
                    ),
                    class_="quiet",
                )
            )
    if not pieces:
        return paragraph(say("No row was refused."))
    return joined(
        paragraph(say("A row may have several reasons, so they can add up to more than the rows refused.")), *pieces
    )


def sources(summary: dict[str, Any]) -> Html:
    """Which files the tables were read from, with their digests: the same digest is the same file."""
    rows = [
        [name, one["source"]["kind"], file.get("name") or file.get("path") or "", tag("code", file["sha256"][:16])]
        for name, one in summary["tables"].items()
        for file in one["source"]["files"]
    ]
    if not rows:
        return paragraph(say("The tables were made by the run itself, from no file."))
    return table([say("Table"), say("Kind"), say("File"), "sha256"], rows)
