"""examples of the client → tune_train, tune_validation, tune_test."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.tune.nodes import prepare_examples

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``tune``."""
    return Pipeline(
        [
            node(
                prepare_examples,
                inputs=["project_files", "params:tune"],
                outputs=["tune_train", "tune_validation", "tune_test", "tune_examples"],
                name="prepare_examples",
            ),
        ],
        tags="tune",
    )
