"""Tells the fleet, if this process is one of its workers, how far the run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from workbench.fleet.events import Progress, tell

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

__all__ = ["ProgressHooks"]


class ProgressHooks:
    """Counts the nodes of a run."""

    def __init__(self) -> None:
        self._done, self._total = 0, 0

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count them."""
        self._done, self._total = 0, len(pipeline.nodes)
        tell(Progress(0, self._total, ""))

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the one that begins."""
        tell(Progress(self._done, self._total, node.name))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count the one that ended."""
        self._done += 1
        tell(Progress(self._done, self._total, node.name))
