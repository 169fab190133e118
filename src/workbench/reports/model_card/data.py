"""What the model learned from, and what was kept from it."""

from __future__ import annotations

from typing import Any

from workbench.reports.html import Html, paragraph, table
from workbench.reports.words import count, number, percent

__all__ = ["excluded_columns", "fold_table"]

FOLDS = {
    "train": "Training: the network learns from these",
    "validation": "Validation: decide when it stops learning",
    "test": "Test: every number in this report",
}


def fold_table(folds: dict[str, dict[str, Any]], roles: dict[str, Any]) -> Html:
    """Rows, span of time and target, fold by fold."""
    timed = roles["time"] is not None
    title, show = _target(roles)
    header = ["Fold", "Rows", *(["From", "To"] if timed else []), *([title] if title else [])]
    rows = [
        [
            FOLDS.get(name, name),
            count(fold["rows"]),
            *([_day(fold["first"]), _day(fold["last"])] if timed else []),
            *([show(fold["target"])] if title else []),
        ]
        for name, fold in folds.items()
    ]
    return table(header, rows, numbers=range(1, len(header)))


def _target(roles: dict[str, Any]) -> tuple[str, Any]:
    if roles["task"] == "binary":
        return f"Share of {roles['target']}", percent
    return (f"Mean of {roles['target']}", number) if roles["task"] == "regression" else ("", None)


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "—"


def excluded_columns(roles: dict[str, Any]) -> Html:
    """The columns that the model must not see, and why."""
    features = len(roles["numeric"]) + len(roles["categorical"])
    text = f"It sees {features} columns: {len(roles['numeric'])} numbers and {len(roles['categorical'])} categories."
    excluded = roles.get("excluded") or {}
    unlabelled = roles.get("unlabelled_rows")
    if unlabelled:
        text += f" {count(unlabelled)} rows without a known answer were left out."
    if not excluded:
        return paragraph(f"{text} No column was left out.")
    return Html(
        paragraph(f"{text} These columns were left out on purpose:")
        + table(["Column", "Why"], [[c, why] for c, why in excluded.items()])
    )
