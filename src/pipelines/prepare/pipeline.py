"""The pipeline ``prepare``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from pipelines.prepare import nodes

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """Raw tables → one joined table → features with folds. Each table is executed once, when it is saved."""
    return Pipeline(
        [
            Node(
                nodes.join_tables,
                inputs=["client", "raw"],
                outputs="primary",
                name="join_tables",
                tags="prepare",
            ),
            Node(
                nodes.make_features,
                inputs=["client", "primary", "params:prepare"],
                outputs=["features", "feature_roles"],
                name="make_features",
                tags="prepare",
            ),
        ]
    )
