"""champion, features → predictions."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.score.nodes import score_rows

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``score``."""
    return Pipeline(
        [
            node(
                score_rows,
                inputs=["client", "champion", "features", "feature_roles", "params:score"],
                outputs="predictions",
                name="score_rows",
                tags="score",
            )
        ]
    )
