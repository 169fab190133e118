"""Where the model comes from, and how to make it again."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.html import Html, facts, joined, paragraph, table, tag
from workbench.reports.locale import say
from workbench.reports.words import count

__all__ = ["how_to_reproduce", "lineage_facts"]


def lineage_facts(lineage: dict[str, Any]) -> Html:
    """Version, run, code and configuration, then the digest of each table that the training read."""
    commit = lineage.get("commit") or ""
    dirty = say(" (with changes that are in no commit)") if lineage.get("dirty") else ""
    named = facts(
        {
            say("Model"): say("{model}, version {version}", model=lineage["model"], version=lineage["version"]),
            say("MLflow run"): _code(lineage.get("run_id")),
            say("Code"): joined(_code(commit[:12]), dirty) if commit else _code(lineage.get("code_version")),
            say("Configuration"): _code((lineage.get("config_sha256") or "")[:16]),
            say("Weights (sha256)"): _code((lineage.get("sha256") or "")[:16]),
        }
    )
    rows = [[one["name"], count(one.get("rows")), _code(one["sha256"][:16])] for one in lineage.get("tables", [])]
    return joined(named, table([say("Table"), say("Rows"), "sha256"], rows, numbers=[1]) if rows else None)


def _code(text: str | None) -> Html | None:
    return tag("code", text) if text else None


def how_to_reproduce(client: Client, lineage: dict[str, Any]) -> Html:
    """Commands, from the project's folder."""
    commit = lineage.get("commit") or ""
    first = [f"git checkout {commit[:12]}", "dvc checkout"] if commit else []
    lines = [*first, f"kedro run --env clients/{client.id}"]
    return joined(
        paragraph(
            say(
                "In the project's folder; the seed is fixed, so the same code on the same data gives the same features."
            )
        ),
        tag("pre", "\n".join(lines)),
    )
