"""examples of the client → tuned_model, and a table of it beside its base."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.tune.nodes import evaluate_generation, prepare_examples, tune_local

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
            node(
                tune_local,
                inputs=["project_files", "tune_train", "tune_validation", "params:tune"],
                outputs=["tuned_model", "tune_history"],
                name="tune_local",
            ),
            node(
                evaluate_generation,
                inputs=["tuned_model", "tune_test", "params:tune"],
                outputs=["tune_generations", "tune_comparison", "tune_evaluation"],
                name="evaluate_generation",
            ),
        ],
        tags="tune",
    )
