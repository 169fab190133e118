"""What the gate decided and why."""

from __future__ import annotations

from typing import Any

from workbench.reports.html import Cell, Html, joined, paragraph, table, tag
from workbench.reports.locale import decimal, noted, say
from workbench.reports.words import metric_words, model_name, named

__all__ = ["decision"]

CHECKS = {
    "beats_majority": noted("Better than the plainest guess, by more than chance"),
    "calibrated": noted("Its numbers can be taken at their word"),
    "enough_test_rows": noted("Enough held-out rows to tell"),
    "monotone": noted("Moves the way it must where one column alone moves"),
    "protected_groups_served": noted("No protected group is served worse than by a guess"),
}


AFTERWARDS = {"there is no champion yet": noted("there was no champion before")}
"""What the gate saw, as it reads once the version has been promoted."""


def decision(verdict: dict[str, Any], evaluation: dict[str, Any]) -> Html:
    """The decision, its reasons, what was compared, and the checks."""
    version, said = verdict["version"], verdict["reasons"]
    if verdict["decision"] == "promoted":
        said = [AFTERWARDS.get(reason, reason) for reason in said]
        what = say(
            "Version {version} was promoted: the alias “champion” in the model registry points to it.", version=version
        )
    elif verdict["decision"] == "already champion":
        what = say("Version {version} already is the champion.", version=version)
    else:
        what = say(
            "Version {version} was registered as challenger, and the alias “champion” did not move to it.",
            version=version,
        )
    reasons = tag("ul", *(tag("li", named(reason)) for reason in said))
    return joined(paragraph(what), reasons, _compared(verdict, evaluation["task"]), _checks(evaluation))


def _compared(verdict: dict[str, Any], task: str) -> Html:
    words = metric_words(verdict["metric"])
    champion = verdict.get("champion") or {}
    rows = [[say("Challenger (this model)"), words.show(verdict["challenger"])]]
    if champion.get("value") is not None:
        rows.append(
            [say("Champion so far (version {version})", version=champion["version"]), words.show(champion["value"])]
        )
    rows.append([model_name("majority", task), words.show(verdict["baseline"])])
    rows.append([say("Margin that a challenger must win by"), decimal(f"{verdict['margin']:g}")])
    return table([say("On the same held-out rows"), words.label], rows, numbers=[1])


def _checks(evaluation: dict[str, Any]) -> Html:
    checks, reasons = evaluation.get("checks", {}), evaluation.get("check_reasons", {})
    if not checks:
        return paragraph(say("No check was made."))
    rows: list[list[Cell | str]] = [
        [
            Cell(
                say(CHECKS[name]) if name in CHECKS else name.replace("_", " ").capitalize(),
                note=named(reasons[name]) if name in reasons else "",
            ),
            Cell(say("✓ passed"), "good") if passed else Cell(say("✗ failed"), "bad"),
        ]
        for name, passed in checks.items()
    ]
    return table([say("Check"), say("Result")], rows, numbers=[1])
