"""plan → what is served → who has the traffic."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from pipelines.deploy import nodes

__all__ = ["create_pipeline"]


def create_pipeline() -> Pipeline:
    """The pipeline ``deploy``."""
    return Pipeline(
        [
            Node(
                nodes.plan_deployment,
                inputs=["project_files", "params:deploy"],
                outputs="deployment_plan",
                name="plan_deployment",
            ),
            Node(
                nodes.apply_deployment,
                inputs=["project_files", "deployment_plan", "params:deploy"],
                outputs="deployment_applied",
                name="apply_deployment",
            ),
            Node(
                nodes.shift_traffic,
                inputs=["project_files", "deployment_applied", "params:deploy"],
                outputs="deployment",
                name="shift_traffic",
            ),
        ],
        tags="deploy",
    )
