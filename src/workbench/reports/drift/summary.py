"""What a reader takes away in ten seconds."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.clients import Client
from workbench.reports.charts.drift import before_and_now
from workbench.reports.html import Html, callout, joined, paragraph, tag, tiles
from workbench.reports.locale import day, noted, say, spoken
from workbench.reports.sentences import NEW_ROWS
from workbench.reports.words import count, number, unbroken

__all__ = ["STATES", "lead", "overview", "prediction"]

STATES = {"stable": noted("stable"), "watch": noted("to be watched"), "drift": noted("drifted")}


def lead(client: Client, summary: dict[str, Any]) -> Html:
    """What is compared with what."""
    before, now = summary["reference"], summary["new"]
    return joined(
        paragraph(
            say("Are the new rows of {title} like those that the model learned from?", title=client.title),
            class_="lead",
        ),
        paragraph(
            say(
                "Compared are {rows} training rows{before} with {rows_2} new ones{now} ({new_rows}).",
                rows=count(before["rows"]),
                before=_span(before),
                rows_2=count(now["rows"]),
                now=_span(now),
                new_rows=spoken(summary["new_rows"], NEW_ROWS),
            )
        ),
    )


def _span(side: dict[str, Any]) -> str:
    return say(" of {first} to {last}", first=_date(side["first"]), last=_date(side["last"])) if side["first"] else ""


def _date(text: str) -> str:
    return unbroken(day(date.fromisoformat(text[:10]), short=True))


def overview(summary: dict[str, Any], columns: list[dict[str, Any]]) -> Html:
    """The verdict in one line, and the totals."""
    features = [column for column in columns if column["role"] == "feature"]
    furthest = features[0] if features else None
    moved = summary["watched"] + summary["drifted"]
    drifted = say(
        "of {features}; {drifted} drifted", features=count(summary["features"]), drifted=count(summary["drifted"])
    )
    shown = [
        (say("Columns that moved"), count(moved), drifted),
        (
            say("The prediction"),
            say(STATES[summary["prediction"]]).capitalize(),
            say("what the champion says of the rows"),
        ),
        (say("The answer"), say(STATES[summary["answer"]]).capitalize(), say("what truly happened, where it is known")),
    ]
    if furthest:
        shown.append((say("Furthest"), number(furthest["psi"], 2), furthest["column"]))
    return joined(_banner(summary), tiles(*shown))


def _banner(summary: dict[str, Any]) -> Html:
    if summary["state"] == "stable":
        text = say("What differs between the two is no more than chance, or too little to matter.")
        return callout("good", say("The new rows are like the old ones"), paragraph(text))
    if summary["state"] == "watch":
        text = say("Some columns moved a little. The model can go on; look at it again with the next rows.")
        return callout("note", say("The new rows differ a little"), paragraph(text))
    if summary["prediction"] == "stable":
        text = say("Columns moved far, but what the model predicts did not. Find out why, before it does.")
        return callout("bad", say("Some columns have drifted"), paragraph(text))
    if not summary["watched"] + summary["drifted"]:
        text = say("No column moved by itself, but what the model predicts did: they may have moved together.")
        return callout("bad", say("The model sees the new rows otherwise than those before them"), paragraph(text))
    text = say("What the model predicts moved with the columns. Until it has learned from newer rows, trust it less.")
    return callout("bad", say("The new rows are unlike those that the model learned from"), paragraph(text))


def prediction(
    columns: list[dict[str, Any]], bins: list[dict[str, Any]], summary: dict[str, Any] | None = None
) -> Html:
    """The prediction and the answer, before and now."""
    pieces: list[Html] = []
    unlearned = (summary or {}).get("prediction_before") == "validation"
    for role, title, before in (
        ("prediction", say("What the champion predicts"), say("validation") if unlearned else ""),
        ("answer", say("What truly happened"), ""),
    ):
        for column in (one for one in columns if one["role"] == role):
            own = [one for one in bins if one["role"] == role and one["column"] == column["column"]]
            pieces.append(tag("h3", title))
            pieces.append(paragraph(_sentence(column)))
            if before:
                pieces.append(
                    paragraph(
                        say(
                            "Before are the validation rows, which it has not learned from: of those that it has, it "
                            "is surer than of any others."
                        )
                    )
                )
            if len(own) > 1:
                pieces.append(before_and_now(column["column"], own, before))
    return joined(*pieces)


def _sentence(column: dict[str, Any]) -> str:
    means = ""
    if column.get("mean_before") is not None and column.get("mean_now") is not None:
        means = say(
            "Its mean was {mean_before} and is {mean_now}. ",
            mean_before=number(column["mean_before"]),
            mean_now=number(column["mean_now"]),
        )
    values = {
        "means": means,
        "psi": number(column["psi"], 2),
        "psi_by_chance": number(column["psi_by_chance"], 2),
        "state": say(STATES[column["state"]]),
    }
    if column["state"] == "stable" and column["psi"] > column["psi_by_chance"]:
        return say(
            "{means}The stability index is {psi}; chance alone stays under {psi_by_chance}, but so small a move does "
            "not matter: {state}.",
            **values,
        )
    return say("{means}The stability index is {psi}; chance alone stays under {psi_by_chance}: {state}.", **values)
