"""What the gate decided and why."""

from __future__ import annotations

from typing import Any

from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.words import metric_words, named

__all__ = ["decision"]

CHECKS = {
    "beats_majority": "The network is better than the plainest guess",
    "calibrated": "Predicted and observed agree on average",
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
    return joined(paragraph(what), reasons, _compared(verdict), _checks(evaluation.get("checks", {})))


def _compared(verdict: dict[str, Any]) -> Html:
    words = metric_words(verdict["metric"])
    champion = verdict.get("champion") or {}
    rows = [["Challenger (this model)", words.show(verdict["challenger"])]]
    if champion.get("value") is not None:
        rows.append([f"Champion so far (version {champion['version']})", words.show(champion["value"])])
    rows.append(["Baseline (always the commonest, or the mean)", words.show(verdict["baseline"])])
    rows.append(["Margin that a challenger must win by", f"{verdict['margin']:g}"])
    return table(["On the same held-out rows", words.label], rows, numbers=[1])


def _checks(checks: dict[str, bool]) -> Html:
    if not checks:
        return Html()
    rows: list[list[Cell | str]] = [
        [
            CHECKS.get(name, name.replace("_", " ").capitalize()),
            Cell("✓ passed", "good") if passed else Cell("✗ failed", "bad"),
        ]
        for name, passed in checks.items()
    ]
    return table(["Check", "Result"], rows, numbers=[1])
