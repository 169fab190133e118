"""Whether all is well: four questions, each with an answer that needs no statistics."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.locale import noted, say
from workbench.reports.words import unbroken

__all__ = ["ANSWERS", "BAD", "GOOD", "SIGNS", "WATCH", "checks_of", "sign"]

GOOD, WATCH, BAD = "good", "watch", "bad"
SIGNS = {GOOD: ("✓", noted("yes")), WATCH: ("!", noted("look")), BAD: ("✗", noted("act"))}

FAULTY = noted("Too much of it is faulty, in {over}.")

ANSWERS = (FAULTY,)
"""Answers that hold a value: the table has them in English, the page in the reader's language."""


def sign(state: str) -> str:
    """A state as it stands on the page."""
    mark, word = SIGNS[state]
    return unbroken(f"{mark} {say(word)}")


def checks_of(
    client: Client,
    evaluation: dict[str, Any],
    verdict: dict[str, Any],
    ingest_summary: dict[str, Any],
    drift_summary: dict[str, Any],
    *,
    monitor: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """One row a question: ``check``, ``state`` (good, watch, bad), ``answer``, and ``next`` (what we do about it)."""
    rows = [
        (noted("Is the data in order?"), *_data(client, ingest_summary)),
        (noted("Is the model better than guessing?"), *_model(evaluation, verdict)),
        (noted("Can its figures be taken at their word?"), *_figures(evaluation)),
        (noted("Is the present like the past that it learned from?"), *_present(drift_summary)),
    ]
    if client.protected:
        rows.append((noted("Does it serve all groups of people alike?"), *_groups(evaluation)))
    if monitor is not None and monitor["version"] == verdict["champion_version"]:
        rows.append((noted("Does it do as well on new cases as it promised?"), *_since(monitor)))
    return [dict(zip(("check", "state", "answer", "next"), row, strict=True)) for row in rows]


def _data(client: Client, summary: dict[str, Any]) -> tuple[str, str, str]:
    tables = summary["tables"]
    limit = client.budgets.bad_rows_share
    over = [name for name, one in tables.items() if one["quarantined_share"] > limit or not one["kept"]]
    if over:
        return (
            BAD,
            FAULTY.format(over=", ".join(over)),
            noted("We find out with you where the faulty data comes from."),
        )
    if any(one["quarantined"] for one in tables.values()):
        return (
            WATCH,
            noted("A small part is faulty and was left out; it is within what we agreed on."),
            noted("We look through the faulty part."),
        )
    return GOOD, noted("All of it is as it should be."), ""


def _model(evaluation: dict[str, Any], verdict: dict[str, Any]) -> tuple[str, str, str]:
    if verdict["champion_version"] is None:
        return (
            BAD,
            noted("No model is in use yet: none was good enough."),
            noted("We improve the model until one is good enough."),
        )
    if not evaluation.get("checks", {}).get("beats_majority", True):
        return (
            BAD,
            noted("The newest one is not, beyond doubt."),
            noted("We look for what is missing in the data, and train again."),
        )
    if verdict["champion_version"] != verdict["version"]:
        return GOOD, noted("Yes. A newer one was tried and was not better, so the one in use stays."), ""
    return GOOD, noted("Yes, on cases that it had never seen."), ""


def _figures(evaluation: dict[str, Any]) -> tuple[str, str, str]:
    if evaluation.get("checks", {}).get("calibrated", True):
        return GOOD, noted("Yes: what it says agrees with what happens."), ""
    return (
        WATCH,
        noted("Not yet: use them to put cases in order, not as percentages."),
        noted("We correct its figures."),
    )


def _present(summary: dict[str, Any]) -> tuple[str, str, str]:
    if summary["state"] == "stable":
        return GOOD, noted("Yes."), ""
    if summary["state"] == "watch":
        return (
            WATCH,
            noted("Nearly: some of what it looks at has shifted a little."),
            noted("We look at it again with the next data."),
        )
    if summary["prediction"] == "stable":
        return (
            WATCH,
            noted("No, some of what it looks at has shifted; its predictions have not, so far."),
            (noted("We find out what shifted and why, and train on newer data.")),
        )
    return BAD, noted("No, and its predictions have shifted with it."), noted("We train the model anew, on newer data.")


def _since(monitor: dict[str, Any]) -> tuple[str, str, str]:
    """What ``monitor`` said of the model in use; of the one before it, the page says nothing."""
    if monitor["verdict"] == "steady":
        return GOOD, noted("Nothing that came since says otherwise."), ""
    if monitor["verdict"] == "watch":
        return WATCH, noted("Something that came since is worth a look."), noted("We look at what came since.")
    return (
        BAD,
        noted("Not any more, or the new cases are too unlike those that it learned from."),
        noted("We train the model anew, on newer data."),
    )


def _groups(evaluation: dict[str, Any]) -> tuple[str, str, str]:
    if evaluation.get("checks", {}).get("protected_groups_served", True):
        return GOOD, noted("No group is served worse than by a guess."), ""
    return (
        BAD,
        noted("One group is served worse than by a guess."),
        noted("We find out why, before anybody relies on it for that group."),
    )
