"""What the distances mean, and what to do about them."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.html import Html, facts, joined, paragraph, steps
from workbench.reports.locale import say
from workbench.reports.words import percent

__all__ = ["how_to_read", "next_steps"]


def how_to_read(summary: dict[str, Any]) -> Html:
    """Each measure in a sentence."""
    sure = percent(summary["limits"]["confidence"])
    return joined(
        facts(
            {
                say("Index"): say(
                    "Population stability index: how the shares of the rows in tenths of the training rows, or in "
                    "categories, differ. 0 is no difference."
                ),
                say("Wasserstein"): say(
                    "By how much a value has moved, on average, in the column's own unit; in small print, "
                    "in standard deviations of the training rows."
                ),
                say("Jensen-Shannon"): say("Of categories: 0 is the same mixture, 1 nothing in common."),
                say("Chance"): say(
                    "If nothing had moved, all columns would stay under it in {sure} of all reports; only above it "
                    "does one count as moved.",
                    sure=sure,
                ),
                say("Unseen"): say("Rows with a category that no training row has; the model treats it as unknown."),
            }
        ),
        paragraph(
            say("A column that moved is no proof that the model got worse: see the model card for how good it is.")
        ),
    )


def next_steps(client: Client, summary: dict[str, Any], columns: list[dict[str, Any]]) -> Html:
    """What to do, what matters most first."""
    env = f"--env clients/{client.id}"
    features = [column for column in columns if column["role"] == "feature" and column["state"] != "stable"]
    unseen = [column["column"] for column in features if column.get("unseen", 0) > summary["limits"]["watch"]]
    gaps = [c["column"] for c in features if c["missing_now"] - c["missing_before"] > summary["limits"]["watch"]]
    found: list[tuple[str, str, str]] = []
    if gaps:
        found.append(
            (say("Ask why values are missing now"), say("More are than before, in {gaps}.", gaps=_named(gaps)), "")
        )
    if unseen:
        found.append(
            (
                say("Look up the new categories"),
                say("The model has never seen them: {unseen}.", unseen=_named(unseen)),
                "",
            )
        )
    if features:
        which = _named([column["column"] for column in features])
        found.append(
            (
                say("Ask what happened"),
                say("Did the world change, or the way it is recorded? {which}.", which=which),
                "",
            )
        )
    if summary["state"] == "drift":
        found.append(
            (say("Train on newer rows"), say("Then compare the two versions in the model card."), f"kedro run {env}")
        )
    else:
        found.append(
            (say("Look again when there are new rows"), say("Nothing else is to be done now."), f"kedro run {env}")
        )
    return steps(found)


def _named(columns: list[str], most: int = 6) -> str:
    return ", ".join(columns[:most]) + (
        say(" and {most} more", most=len(columns) - most) if len(columns) > most else ""
    )
