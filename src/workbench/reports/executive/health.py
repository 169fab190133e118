"""Whether all is well: four questions, each with an answer that needs no statistics."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client

__all__ = ["BAD", "GOOD", "WATCH", "checks_of"]

GOOD, WATCH, BAD = "good", "watch", "bad"


def checks_of(
    client: Client,
    evaluation: dict[str, Any],
    verdict: dict[str, Any],
    ingest_summary: dict[str, Any],
    drift_summary: dict[str, Any],
) -> list[dict[str, Any]]:
    """One row a question: ``check``, ``state`` (good, watch, bad), ``answer``, and ``next`` (what we do about it)."""
    rows = [
        ("Is the data in order?", *_data(client, ingest_summary)),
        ("Is the model better than guessing?", *_model(evaluation, verdict)),
        ("Can its figures be taken at their word?", *_figures(evaluation)),
        ("Is the present like the past that it learned from?", *_present(drift_summary)),
    ]
    if client.protected:
        rows.append(("Does it serve all groups of people alike?", *_groups(evaluation)))
    return [dict(zip(("check", "state", "answer", "next"), row, strict=True)) for row in rows]


def _data(client: Client, summary: dict[str, Any]) -> tuple[str, str, str]:
    tables = summary["tables"]
    limit = client.budgets.bad_rows_share
    over = [name for name, one in tables.items() if one["quarantined_share"] > limit or not one["kept"]]
    if over:
        return (
            BAD,
            f"Too much of it is faulty, in {', '.join(over)}.",
            "We find out with you where the faulty data comes from.",
        )
    if any(one["quarantined"] for one in tables.values()):
        return (
            WATCH,
            "A small part is faulty and was left out; it is within what we agreed on.",
            "We look through the faulty part.",
        )
    return GOOD, "All of it is as it should be.", ""


def _model(evaluation: dict[str, Any], verdict: dict[str, Any]) -> tuple[str, str, str]:
    if verdict["champion_version"] is None:
        return BAD, "No model is in use yet: none was good enough.", "We improve the model until one is good enough."
    if not evaluation.get("checks", {}).get("beats_majority", True):
        return BAD, "The newest one is not, beyond doubt.", "We look for what is missing in the data, and train again."
    if verdict["champion_version"] != verdict["version"]:
        return GOOD, "Yes. A newer one was tried and was not better, so the one in use stays.", ""
    return GOOD, "Yes, on cases that it had never seen.", ""


def _figures(evaluation: dict[str, Any]) -> tuple[str, str, str]:
    if evaluation.get("checks", {}).get("calibrated", True):
        return GOOD, "Yes: what it says agrees with what happens.", ""
    return WATCH, "Not yet: use them to put cases in order, not as percentages.", "We correct its figures."


def _present(summary: dict[str, Any]) -> tuple[str, str, str]:
    if summary["state"] == "stable":
        return GOOD, "Yes.", ""
    if summary["state"] == "watch":
        return (
            WATCH,
            "Nearly: some of what it looks at has shifted a little.",
            "We look at it again with the next data.",
        )
    if summary["prediction"] == "stable":
        return (
            WATCH,
            "No, some of what it looks at has shifted; its predictions have not, so far.",
            ("We find out what shifted and why, and train on newer data."),
        )
    return BAD, "No, and its predictions have shifted with it.", "We train the model anew, on newer data."


def _groups(evaluation: dict[str, Any]) -> tuple[str, str, str]:
    if evaluation.get("checks", {}).get("protected_groups_served", True):
        return GOOD, "No group is served worse than by a guess.", ""
    return (
        BAD,
        "One group is served worse than by a guess.",
        "We find out why, before anybody relies on it for that group.",
    )
