"""What the model learned from, and what was kept from it."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.reports.html import Html, paragraph, table
from workbench.reports.locale import day, noted, say
from workbench.reports.words import count, number, percent

__all__ = ["excluded_columns", "fold_table"]

FOLDS = {
    "train": noted("Training: the network learns from these"),
    "validation": noted("Validation: decide when it stops learning"),
    "test": noted("Test: every number in this report"),
}


def fold_table(folds: dict[str, dict[str, Any]], roles: dict[str, Any]) -> Html:
    """Rows, span of time and target, fold by fold."""
    timed = roles["time"] is not None
    title, show = _target(roles)
    header = [say("Fold"), say("Rows"), *([say("From"), say("To")] if timed else []), *([title] if title else [])]
    rows = [
        [
            say(FOLDS.get(name, name)),
            count(fold["rows"]),
            *([_day(fold["first"]), _day(fold["last"])] if timed else []),
            *([show(fold["target"])] if title else []),
        ]
        for name, fold in folds.items()
    ]
    return table(header, rows, numbers=range(1, len(header)))


def _target(roles: dict[str, Any]) -> tuple[str, Any]:
    if roles["task"] == "binary":
        return say("Share of {target}", target=roles["target"]), percent
    return (say("Mean of {target}", target=roles["target"]), number) if roles["task"] == "regression" else ("", None)


def _day(moment: str | None) -> str:
    return day(date.fromisoformat(moment[:10]), short=True) if moment else "—"


def excluded_columns(roles: dict[str, Any]) -> Html:
    """The columns that the model must not see, and why."""
    features = len(roles["numeric"]) + len(roles["categorical"])
    text = say(
        "It sees {features} columns: {numeric} numbers and {categorical} categories.",
        features=features,
        numeric=len(roles["numeric"]),
        categorical=len(roles["categorical"]),
    )
    excluded = roles.get("excluded") or {}
    unlabelled = roles.get("unlabelled_rows")
    if unlabelled:
        text += say(" {unlabelled} rows without a known answer were left out.", unlabelled=count(unlabelled))
    if not excluded:
        return paragraph(say("{text} No column was left out.", text=text))
    return Html(
        paragraph(say("{text} These columns were left out on purpose:", text=text))
        + table([say("Column"), say("Why")], [[c, say(why)] for c, why in excluded.items()])
    )
