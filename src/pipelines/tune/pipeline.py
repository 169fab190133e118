"""examples of the client → tuned_model, a table of it beside its base, and the verdict about it."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.tune.nodes import evaluate_generation, prepare_examples, register_language_model, tune_local

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
