"""What a reader takes away in ten seconds."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.charts.drift import before_and_now
from workbench.reports.html import Html, callout, joined, paragraph, tag, tiles
from workbench.reports.words import count, number

__all__ = ["STATES", "lead", "overview", "prediction"]

STATES = {"stable": "stable", "watch": "to be watched", "drift": "drifted"}


def lead(client: Client, summary: dict[str, Any]) -> Html:
    """What is compared with what."""
    before, now = summary["reference"], summary["new"]
    return joined(
        paragraph(f"Are the new rows of {client.title} like those that the model learned from?", class_="lead"),
        paragraph(
            f"Compared are {count(before['rows'])} training rows{_span(before)} with {count(now['rows'])} new ones"
            f"{_span(now)} ({summary['new_rows']})."
        ),
    )


def _span(side: dict[str, Any]) -> str:
    return f" of {side['first'][:10]} to {side['last'][:10]}" if side["first"] else ""


def overview(summary: dict[str, Any], columns: list[dict[str, Any]]) -> Html:
    """The verdict in one line, and the totals."""
    features = [column for column in columns if column["role"] == "feature"]
    furthest = features[0] if features else None
    moved = summary["watched"] + summary["drifted"]
    drifted = f"of {count(summary['features'])}; {count(summary['drifted'])} drifted"
    shown = [
        ("Columns that moved", count(moved), drifted),
        ("The prediction", STATES[summary["prediction"]].capitalize(), "what the champion says of the rows"),
        ("The answer", STATES[summary["answer"]].capitalize(), "what truly happened, where it is known"),
    ]
    if furthest:
        shown.append(("Furthest", number(furthest["psi"], 2), furthest["column"]))
    return joined(_banner(summary), tiles(*shown))


def _banner(summary: dict[str, Any]) -> Html:
    if summary["state"] == "stable":
        text = "What differs between the two is no more than chance, or too little to matter."
        return callout("good", "The new rows are like the old ones", paragraph(text))
    if summary["state"] == "watch":
        text = "Some columns moved a little. The model can go on; look at it again with the next rows."
        return callout("note", "The new rows differ a little", paragraph(text))
    if summary["prediction"] == "stable":
        text = "Columns moved far, but what the model predicts did not. Find out why, before it does."
        return callout("bad", "Some columns have drifted", paragraph(text))
    text = "What the model predicts moved with the columns. Until it has learned from newer rows, trust it less."
    return callout("bad", "The new rows are unlike those that the model learned from", paragraph(text))


def prediction(columns: list[dict[str, Any]], bins: list[dict[str, Any]]) -> Html:
    """The prediction and the answer, before and now."""
    pieces: list[Html] = []
    for role, title in (("prediction", "What the champion predicts"), ("answer", "What truly happened")):
        for column in (one for one in columns if one["role"] == role):
            own = [one for one in bins if one["role"] == role and one["column"] == column["column"]]
            pieces.append(tag("h3", title))
            pieces.append(paragraph(_sentence(column)))
            if len(own) > 1:
                pieces.append(before_and_now(column["column"], own))
    return joined(*pieces)


def _sentence(column: dict[str, Any]) -> str:
    means = ""
    if column.get("mean_before") is not None and column.get("mean_now") is not None:
        means = f"Its mean was {number(column['mean_before'])} and is {number(column['mean_now'])}. "
    return (
        f"{means}The stability index is {number(column['psi'], 2)}; chance alone stays under "
        f"{number(column['psi_by_chance'], 2)}: {STATES[column['state']]}."
    )
