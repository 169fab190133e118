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
from workbench.fingerprints import reads

__all__ = [
    "compare_with_last",
    "describe_errors",
    "describe_folds",
    "describe_for_manager",
    "describe_lineage",
    "describe_samples",
    "gather",
    "render_data_quality",
    "render_drift",
    "render_executive",
    "render_model_card",
]

Page = tuple[str, dict[str, Any]]
"""A report's HTML, and its numbers."""


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


def describe_samples(candidates: Any) -> list[dict[str, Any]]:
    """How many rows each model learned from, and how many decided when it stopped.

    Args:
        candidates: see :func:`pipelines.train.tables.candidates_table`.

    Returns:
        ``model``, ``learned_rows`` of ``training_rows``, and ``judged_rows`` of ``validation_rows``, a record a model;
        None where a training of before did not write it down.
    """
    kept = ("model", "learned_rows", "training_rows", "judged_rows", "validation_rows")
    return [{name: row.get(name) for name in kept} for row in candidates.to_pylist()]


def describe_lineage(verdict: dict[str, Any]) -> dict[str, Any]:
    """Where the version comes from; see :func:`workbench.reports.lineage.lineage_of`."""
    from workbench.reports.lineage import lineage_of

    return lineage_of(_project(), verdict)


def describe_errors(
    holdout_predictions: Any, feature_roles: dict[str, Any], evaluation: dict[str, Any]
) -> dict[str, Any]:
    """Where the candidate is right and wrong; see :func:`workbench.reports.holdout.describe_errors`."""
    from workbench.reports import holdout
    from workbench.reports.estimates import candidate

    return holdout.describe_errors(holdout_predictions.to_pyarrow(), feature_roles, candidate(evaluation))


def describe_for_manager(  # noqa: PLR0917 - one argument a dataset
    client: Client,
    evaluation: dict[str, Any],
    verdict: dict[str, Any],
    ingest_summary: dict[str, Any],
    drift_summary: dict[str, Any],
    predictions: Any,
    monitor_last: dict[str, Any] | None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The facts and the checks of the page ``executive``; see :mod:`workbench.reports.executive`."""
    from workbench.reports import executive

    scored = fetch(predictions.aggregate(rows=predictions.count()))[0]["rows"]
    return (
        executive.facts_of(evaluation, ingest_summary, drift_summary, scored),
        executive.checks_of(client, evaluation, verdict, ingest_summary, drift_summary, monitor=monitor_last),
    )


def gather(**tables: Any) -> dict[str, Any]:
    """All that a page may show, as JSON; see :func:`workbench.reports.numbers.as_numbers`."""
    from workbench.reports.numbers import as_numbers

    return as_numbers(tables)


def compare_with_last(numbers: dict[str, Any], last: dict[str, Any] | None) -> dict[str, Any]:
    """What changed since the last report; see :func:`workbench.reports.compare.compare`."""
    from workbench.reports.compare import compare

    return compare(numbers, last)


@reads("notebooks/reports/model_card.ipynb")
def render_model_card(
    client: Client, numbers: dict[str, Any], changes: dict[str, Any], report: ReportParameters
) -> Page:
    """The report on the model: what it predicts, how well, from which data, and what to do next."""
    return _render("model_card", client, numbers, changes, report)


@reads("notebooks/reports/data_quality.ipynb")
def render_data_quality(
    client: Client, schema: Schema | None, numbers: dict[str, Any], changes: dict[str, Any], report: ReportParameters
) -> Page:
    """The report on the data: what was read, what was refused and why, what is missing, how fresh it is."""
    return _render("data_quality", client, numbers, changes, report, schema=schema)


@reads("notebooks/reports/drift.ipynb")
def render_drift(client: Client, numbers: dict[str, Any], changes: dict[str, Any], report: ReportParameters) -> Page:
    """The report on drift: whether the new rows are like those that the model learned from."""
    return _render("drift", client, numbers, changes, report)


@reads("notebooks/reports/executive.ipynb")
def render_executive(
    client: Client, numbers: dict[str, Any], changes: dict[str, Any], report: ReportParameters
) -> Page:
    """One page for the client's manager: what the model does, whether it is healthy, what comes next."""
    return _render("executive", client, numbers, changes, report)


def _render(
    template: str,
    client: Client,
    numbers: dict[str, Any],
    changes: dict[str, Any],
    report: ReportParameters,
    **others: Any,
) -> Page:
    """The page, and the numbers on it with what they were made by."""
    from workbench.reports import render
    from workbench.reports.numbers import ABOUT

    inputs = {f"{template}_numbers": numbers, f"{template}_changes": changes, **others}
    made = render(
        _project(),
        template,
        client=client,
        inputs=inputs,
        limits=report.limits(),
        parameters=report.parameters.get(template),
    )
    return made.html, {ABOUT: made.about, **numbers}


def _project() -> Path:
    return Path(find_kedro_project(Path.cwd()) or Path.cwd())
