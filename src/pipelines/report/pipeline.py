"""The pipeline ``report``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from pipelines.report import nodes

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
            Node(nodes.describe_lineage, inputs="verdict", outputs="lineage", name="describe_lineage"),
            Node(
                nodes.render_model_card,
                inputs=[
                    "client",
                    "feature_roles",
                    "folds",
                    "training_history",
                    "holdout_predictions",
                    "evaluation",
                    "calibration",
                    "segments",
                    "importance",
                    "verdict",
                    "lineage",
                    "params:report",
                ],
                outputs="model_card",
                name="render_model_card",
            ),
            Node(
                nodes.render_data_quality,
                inputs=["client", "schema", "ingest_summary", "params:report"],
                outputs="data_quality",
                name="render_data_quality",
            ),
        ],
        tags="report",
    )
