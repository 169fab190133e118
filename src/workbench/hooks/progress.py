"""Tells the fleet, if this process is one of its workers, and all who look on, how far the run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from workbench.fleet import events
from workbench.fleet.record import note_progress

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

__all__ = ["ProgressHooks"]


class ProgressHooks:
    """Counts the nodes of a run."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count them."""
        _tell(events.begin(len(pipeline.nodes)))

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the one that begins."""
        _tell(events.node_begins(node.name))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count the one that ended."""
        _tell(events.node_ended(node.name))


def _tell(progress: events.Progress) -> None:
    # The file comes first: who hears of a step may look there at once.
    note_progress(progress)
    events.tell(progress)
