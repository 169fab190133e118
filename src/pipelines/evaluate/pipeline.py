"""candidate, features, holdout_predictions → evaluation, metrics, calibration, segments; candidate → importance."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.evaluate.nodes import evaluate_models, measure_importance

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``evaluate``."""
    return Pipeline(
        [
            node(
                evaluate_models,
                inputs=["client", "candidate", "features", "holdout_predictions", "feature_roles", "params:evaluate"],
                outputs=["evaluation", "metrics", "calibration", "segments"],
                name="evaluate_models",
            ),
            node(
                measure_importance,
                inputs=["client", "candidate", "features", "feature_roles", "params:evaluate"],
                outputs="importance",
                name="measure_importance",
            ),
        ],
        tags="evaluate",
    )
