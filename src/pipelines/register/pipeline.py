"""evaluation, candidate → a version in the registry, the verdict about it, and who is champion after it."""

from __future__ import annotations

from kedro.pipeline import Pipeline, node

from pipelines.register.nodes import decide_and_register

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``register``."""
    return Pipeline(
        [
            node(
                decide_and_register,
                inputs=[
                    "client",
                    "candidate",
                    "features",
                    "feature_roles",
                    "evaluation",
                    "metrics",
                    "calibration",
                    "segments",
                    "importance",
                ],
                outputs=["verdict", "champion"],
                name="decide_and_register",
                tags="register",
            )
        ]
    )
