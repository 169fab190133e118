"""examples of the client → tuned_model, a table of it beside its base, and the verdict about it."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.tune.nodes import (
    estimate_tuning,
    evaluate_generation,
    prepare_examples,
    register_language_model,
    tune_model,
)

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
                estimate_tuning,
                inputs=["project_files", "tune_train", "tune_validation", "tune_test", "params:tune"],
                outputs="tune_estimate",
                name="estimate_tuning",
            ),
            node(
                tune_model,
                inputs=["project_files", "tune_train", "tune_validation", "tune_estimate", "params:tune"],
                outputs=["tuned_model", "tune_history"],
                name="tune_model",
            ),
            node(
                evaluate_generation,
                inputs=["project_files", "tuned_model", "tune_test", "params:tune"],
                outputs=["tune_generations", "tune_comparison", "tune_evaluation"],
                name="evaluate_generation",
            ),
            node(
                register_language_model,
                inputs=[
                    "client",
                    "project_files",
                    "tuned_model",
                    "tune_train",
                    "tune_test",
                    "tune_evaluation",
                    "params:tune",
                ],
                outputs="tune_verdict",
                name="register_language_model",
            ),
        ],
        tags="tune",
    )
