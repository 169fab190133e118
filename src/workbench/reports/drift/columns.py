"""Column by column: how far it moved, and how it looks before and now."""

from __future__ import annotations

from typing import Any

from workbench.reports.charts.drift import before_and_now, furthest
from workbench.reports.drift.summary import STATES
from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.locale import noted, say
from workbench.reports.words import number, percent, unbroken

__all__ = ["column_table", "most_moved", "side_by_side"]

KINDS = {"stable": "", "watch": "", "drift": "bad"}
ROLES = {"prediction": noted("the prediction"), "answer": noted("the answer")}
SIGNS = {"stable": "✓", "watch": "!", "drift": "✗"}


def most_moved(summary: dict[str, Any], columns: list[dict[str, Any]], top: int) -> Html:
    """The columns that moved furthest, as a chart."""
    features = [column for column in columns if column["role"] == "feature"][:top]
    if not features:
        return paragraph(say("There is no column to compare."))
    return furthest(features, summary["limits"])


def side_by_side(columns: list[dict[str, Any]], bins: list[dict[str, Any]], most: int) -> Html:
    """The columns that moved, each before and now."""
    moved = [column for column in columns if column["role"] == "feature" and column["state"] != "stable"]
    if not moved:
        return paragraph(say("No column moved, so there is nothing to be looked at."))
    pieces: list[Html] = []
    for column in moved[:most]:
        own = [one for one in bins if one["role"] == "feature" and one["column"] == column["column"]]
        pieces += [tag("h3", column["column"]), before_and_now(column["column"], own)]
    if len(moved) > most:
        pieces.append(
            paragraph(
                say("The {most} furthest of {moved} columns that moved.", most=most, moved=len(moved)), class_="quiet"
            )
        )
    return joined(*pieces)


def column_table(columns: list[dict[str, Any]]) -> Html:
    """Every column with its distances, the furthest first."""
    rows = [
        [
            Cell(column["column"], note="" if column["role"] == "feature" else say(ROLES[column["role"]])),
            Cell(unbroken(f"{SIGNS[column['state']]} {say(STATES[column['state']])}"), KINDS[column["state"]]),
            Cell(
                number(column["psi"], 2),
                note=unbroken(say("chance: {psi_by_chance}", psi_by_chance=number(column["psi_by_chance"], 2))),
            ),
            _distance(column),
            _means(column.get("mean_before"), column.get("mean_now")),
            _pair(column["missing_before"], column["missing_now"], percent, nothing=0),
        ]
        for column in columns
    ]
    header = [say("Column"), say("State"), say("Index"), say("Distance"), say("Mean"), say("Missing")]
    return table(header, rows, numbers=[2, 3, 4, 5], caption=say("Small print: before; large: now."))


def _distance(column: dict[str, Any]) -> Cell:
    if column["kind"] == "number":
        scaled = column["wasserstein_scaled"]
        note = (
            say("Wasserstein; {scaled} deviations", scaled=number(scaled, 2))
            if scaled is not None
            else say("Wasserstein")
        )
        return Cell(number(column["wasserstein"]), note=note)
    unseen = say("; {unseen} unseen", unseen=percent(column["unseen"])) if column["unseen"] else ""
    return Cell(number(column["jensen_shannon"], 2), note=say("Jensen-Shannon{unseen}", unseen=unseen))


def _means(before: float | None, now: float | None) -> Cell:
    """The two means, with as few digits as tell them apart."""
    if before is None or now is None:
        return _pair(before, now, number)
    digits = next((many for many in (3, 4, 5) if number(before, many) != number(now, many)), 3)
    return _pair(before, now, lambda value: number(value, digits))


def _pair(before: float | None, now: float | None, show: Any, nothing: float | None = None) -> Cell:
    if before == now == nothing:
        return Cell("—", "quiet")
    return Cell(show(now), note=show(before))
