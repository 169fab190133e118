"""The few numbers of the page."""

from __future__ import annotations

from typing import Any

from workbench.reports.data_quality.columns import spans
from workbench.reports.estimates import candidate
from workbench.reports.locale import noted
from workbench.reports.numbers import rounded

__all__ = ["fact", "facts_of"]

READ, REFUSED, NEWEST = noted("Rows of data read"), noted("Rows refused as faulty"), noted("Newest data")
SCORED, TESTED, QUALITY, GUESS = (
    noted("Cases scored"),
    noted("Cases tested on"),
    noted("How good the predictions are"),
    noted("How good guessing is"),
)
MEASURE = noted("Measure of how good they are")
MOVED, WATCHED = noted("Columns unlike the past"), noted("Columns compared with the past")


def facts_of(
    evaluation: dict[str, Any], ingest_summary: dict[str, Any], drift_summary: dict[str, Any], scored: int
) -> list[dict[str, Any]]:
    """The facts, one row each: ``fact`` and ``value``.

    Args:
        evaluation: of the newest model.
        ingest_summary: of the newest tables.
        drift_summary: of the newest rows.
        scored: rows that have a prediction.
    """
    tables = ingest_summary["tables"].values()
    metric, models = evaluation["primary"], evaluation["models"]
    newest = max((last for _, _, last in spans(ingest_summary)), default=None)
    values = {
        SCORED: scored,
        TESTED: evaluation["rows"],
        QUALITY: models[candidate(evaluation)].get(metric, {}).get("value"),
        GUESS: models.get("majority", {}).get(metric, {}).get("value"),
        READ: sum(table["read"] for table in tables),
        REFUSED: sum(table["quarantined"] for table in tables),
        NEWEST: newest.date().isoformat() if newest else None,
        MOVED: drift_summary["watched"] + drift_summary["drifted"],
        WATCHED: drift_summary["features"],
        MEASURE: metric,
    }
    return [
        {"fact": name, "value": rounded(value) if isinstance(value, float) else value} for name, value in values.items()
    ]


def fact(facts: list[dict[str, Any]], name: str) -> Any:
    """The value of a fact."""
    return next(one["value"] for one in facts if one["fact"] == name)
