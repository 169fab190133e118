"""The pipeline ``report``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from pipelines.report import nodes
from pipelines.report.drift import measure_drift

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """What the other pipelines left on disk, as pages for people; a template is rendered by ``render_<template>``."""
    return Pipeline(
        [
            Node(
                nodes.describe_folds,
                inputs=["features", "feature_roles"],
                outputs="folds",
                name="describe_folds",
            ),
            Node(
                nodes.describe_errors,
                inputs=["holdout_predictions", "feature_roles", "evaluation"],
                outputs="errors",
                name="describe_errors",
            ),
            Node(
                measure_drift,
                inputs=["client", "features", "predictions", "feature_roles", "params:report"],
                outputs=["drift_summary", "drift_columns", "drift_bins"],
                name="measure_drift",
            ),
            Node(
                nodes.describe_for_manager,
                inputs=[
                    "client",
                    "evaluation",
                    "verdict",
                    "ingest_summary",
                    "drift_summary",
                    "predictions",
                    "monitor_last",
                ],
                outputs=["executive_facts", "executive_checks"],
                name="describe_for_manager",
            ),
            Node(nodes.describe_samples, inputs="candidates", outputs="samples", name="describe_samples"),
            Node(nodes.describe_lineage, inputs="verdict", outputs="lineage", name="describe_lineage"),
            *_report(
                nodes.render_model_card,
                "model_card",
                shows=[
                    "feature_roles",
                    "folds",
                    "samples",
                    "training_history",
                    "tuning",
                    "errors",
                    "evaluation",
                    "calibration",
                    "segments",
                    "importance",
                    "verdict",
                    "lineage",
                ],
            ),
            *_report(nodes.render_data_quality, "data_quality", shows=["ingest_summary"], knows=["schema"]),
            *_report(nodes.render_executive, "executive", shows=["executive_facts", "executive_checks"]),
            *_report(nodes.render_drift, "drift", shows=["drift_summary", "drift_columns", "drift_bins"]),
        ],
        tags="report",
    )


def _report(function: Any, template: str, *, shows: Sequence[str], knows: Sequence[str] = ()) -> list[Node]:
    """The three nodes of a template: its numbers, how they differ from the last report's, and the page.

    Args:
        function: renders the page.
        template: the notebook's name.
        shows: the datasets that hold numbers; the page shows no others.
        knows: typed configuration that it reads besides.
    """
    numbers, changes, last = f"{template}_numbers", f"{template}_changes", f"{template}_last"
    return [
        Node(nodes.gather, inputs={name: name for name in shows}, outputs=numbers, name=f"gather_{template}"),
        Node(nodes.compare_with_last, inputs=[numbers, last], outputs=changes, name=f"compare_{template}"),
        Node(
            function,
            inputs=["client", *knows, numbers, changes, "params:report"],
            outputs=[template, f"{template}_tables"],
            name=f"render_{template}",
        ),
    ]
