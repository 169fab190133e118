"""What the gate decided and why."""

from __future__ import annotations

from typing import Any

from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.words import metric_words, model_name, named

__all__ = ["decision"]

CHECKS = {
    "beats_majority": "Better than the plainest guess, by more than chance",
    "calibrated": "Its numbers can be taken at their word",
    "enough_test_rows": "Enough held-out rows to tell",
    "monotone": "Moves the way it must where one column alone moves",
    "protected_groups_served": "No protected group is served worse than by a guess",
}


def decision(verdict: dict[str, Any], evaluation: dict[str, Any]) -> Html:
    """The decision, its reasons, what was compared, and the checks."""
    version = verdict["version"]
    if verdict["decision"] == "promoted":
        what = f"Version {version} was promoted: the alias “champion” in the model registry points to it."
    elif verdict["decision"] == "already champion":
        what = f"Version {version} already is the champion."
    else:
        what = f"Version {version} was registered as challenger, and the alias “champion” did not move to it."
    reasons = tag("ul", *(tag("li", named(reason)) for reason in verdict["reasons"]))
    return joined(paragraph(what), reasons, _compared(verdict, evaluation["task"]), _checks(evaluation))


def _compared(verdict: dict[str, Any], task: str) -> Html:
    words = metric_words(verdict["metric"])
    champion = verdict.get("champion") or {}
    rows = [["Challenger (this model)", words.show(verdict["challenger"])]]
    if champion.get("value") is not None:
        rows.append([f"Champion so far (version {champion['version']})", words.show(champion["value"])])
    rows.append([model_name("majority", task), words.show(verdict["baseline"])])
    rows.append(["Margin that a challenger must win by", f"{verdict['margin']:g}"])
    return table(["On the same held-out rows", words.label], rows, numbers=[1])


def _checks(evaluation: dict[str, Any]) -> Html:
    checks, reasons = evaluation.get("checks", {}), evaluation.get("check_reasons", {})
    if not checks:
        return paragraph("No check was made.")
    rows: list[list[Cell | str]] = [
        [
            Cell(
                CHECKS.get(name, name.replace("_", " ").capitalize()),
                note=named(reasons[name]) if name in reasons else "",
            ),
            Cell("✓ passed", "good") if passed else Cell("✗ failed", "bad"),
        ]
        for name, passed in checks.items()
    ]
    return table(["Check", "Result"], rows, numbers=[1])
