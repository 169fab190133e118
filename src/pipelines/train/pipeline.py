"""features → candidate, training_history → holdout_predictions."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.train.nodes import fit_network, predict_holdout

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``train``."""
    return Pipeline(
        [
            node(
                fit_network,
                inputs=["client", "features", "feature_roles", "epoch_listener", "params:train"],
                outputs=["candidate", "training_history"],
                name="fit_network",
            ),
            node(
                predict_holdout,
                inputs=["candidate", "features", "feature_roles", "params:train"],
                outputs="holdout_predictions",
                name="predict_holdout",
            ),
        ],
        tags="train",
    )
