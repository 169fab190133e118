"""What the model learned from, and what was kept from it."""

from __future__ import annotations

from datetime import date
from typing import Any

from workbench.reports.html import Html, joined, paragraph, table
from workbench.reports.locale import day, noted, say
from workbench.reports.words import count, model_name, number, percent

__all__ = ["excluded_columns", "fold_table", "samples"]

FOLDS = {
    "train": noted("Training: the network learns from these"),
    "validation": noted("Validation: these decide when it stops learning"),
    "test": noted("Test: every number in this report"),
}

PARTS = (("learned_rows", "training_rows"), ("judged_rows", "validation_rows"))
"""Rows that a model was given, and rows that there are."""


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


def samples(found: list[dict[str, Any]], task: str) -> Html:
    """Which model learned from fewer rows than there are, or was stopped by fewer; and what all of them were tried on.

    Args:
        found: a record a model, see :func:`pipelines.report.nodes.describe_samples`.
        task: binary, multiclass or regression.
    """
    known = [one for one in found if None not in one.values()]
    if not known:  # a training of before did not write it down
        return Html()
    if all(one[part] == one[whole] for one in known for part, whole in PARTS):
        return paragraph(
            say("Each model learned from all training rows, and was stopped and calibrated by all validation rows.")
        )
    told = say(
        "Not every model was given all rows. The network reads the whole table, from its file if memory does not hold "
        "it. Gradient boosting and the linear model need their rows in memory; where those are too many, they get a "
        "sample, drawn by chance."
    )
    header = [say("Model"), say("Learned from"), say("Stopped and calibrated by")]
    rows = [[model_name(one["model"], task), *(_part(one[part], one[whole]) for part, whole in PARTS)] for one in known]
    fair = say(
        "They were compared on the same rows, whatever they had learned from: on all {rows} validation rows to choose "
        "one, and on all held-out rows for the numbers in this report.",
        rows=count(known[0]["validation_rows"]),
    )
    return joined(paragraph(told), table(header, rows, numbers=[1, 2]), paragraph(fair))


def _part(some: int, every: int) -> str:
    return count(some) if some == every else say("{some} of {every} rows", some=count(some), every=count(every))


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
