"""Nodes of the pipeline ``report``: each hands the datasets that it was given to one template.

Kedro resolves the annotations of nodes at run time, so tables are ``Any``: naming their type would need a heavy import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.utils import find_kedro_project

from pipelines.report.parameters import ReportParameters
from workbench.clients import Client, Schema
from workbench.engines import fetch

__all__ = ["describe_folds", "describe_lineage", "render_data_quality", "render_model_card"]


def describe_folds(features: Any, feature_roles: dict[str, Any]) -> dict[str, Any]:
    """The rows, the span of time, and the target of each fold.

    Args:
        features: an Ibis table.
        feature_roles: which column is what.

    Returns:
        ``{"train": {"rows": n, "first": iso or None, "last": iso or None, "target": mean or None}, …}``; the target's
        mean is None for classes with names.
    """
    fold, time, target = feature_roles["fold"], feature_roles["time"], feature_roles["target"]
    measures: dict[str, Any] = {"rows": features.count()}
    if time:
        measures |= {"first": features[time].min().cast("string"), "last": features[time].max().cast("string")}
    if feature_roles["task"] != "multiclass":
        measures["target"] = features[target].cast("float64").mean()
    found = fetch(features.group_by(fold).aggregate(**measures))
    for row in found:
        # The last digits of a mean depend on how many threads added it up.
        row["target"] = float(f"{row['target']:.6g}") if row.get("target") is not None else None
    by_fold = {row.pop(fold): {"first": None, "last": None} | row for row in found}
    return {name: by_fold[name] for name in ("train", "validation", "test") if name in by_fold}


def describe_lineage(verdict: dict[str, Any]) -> dict[str, Any]:
    """Where the version comes from; see :func:`workbench.reports.lineage.lineage_of`."""
    from workbench.reports.lineage import lineage_of

    return lineage_of(_project(), verdict)


def render_model_card(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    feature_roles: dict[str, Any],
    folds: dict[str, Any],
    training_history: Any,
    holdout_predictions: Any,
    evaluation: dict[str, Any],
    calibration: Any,
    segments: Any,
    importance: Any,
    verdict: dict[str, Any],
    lineage: dict[str, Any],
    report: ReportParameters,
) -> str:
    """The report on the model: what it predicts, how well, from which data, and what to do next."""
    inputs = {
        "feature_roles": feature_roles,
        "folds": folds,
        "training_history": training_history,
        "holdout_predictions": holdout_predictions,
        "evaluation": evaluation,
        "calibration": calibration,
        "segments": segments,
        "importance": importance,
        "verdict": verdict,
        "lineage": lineage,
    }
    return _render("model_card", client, inputs, report)


def render_data_quality(
    client: Client, schema: Schema | None, ingest_summary: dict[str, Any], report: ReportParameters
) -> str:
    """The report on the data: what was read, what was refused and why, what is missing, how fresh it is."""
    return _render("data_quality", client, {"schema": schema, "ingest_summary": ingest_summary}, report)


def _render(template: str, client: Client, inputs: dict[str, Any], report: ReportParameters) -> str:
    from workbench.reports import render

    return render(
        _project(),
        template,
        client=client,
        inputs=inputs,
        timeout_seconds=report.timeout_seconds,
        parameters=report.parameters.get(template),
    )


def _project() -> Path:
    return Path(find_kedro_project(Path.cwd()) or Path.cwd())
