"""Tells the fleet, if this process is one of its workers, and all who look on, how far the run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from workbench.fleet import events
from workbench.fleet.record import begin_run, note_progress

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

__all__ = ["ProgressHooks"]


class ProgressHooks:
    """Counts the nodes of a run."""

    @hook_impl(trylast=True)
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count them. All else is ready by now; a worker runs none before it is its turn."""
        begun = events.begin(len(pipeline.nodes))
        events.tell(events.reaches("ready"))
        events.await_turn()
        begin_run()
        _tell(begun)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the one that begins."""
        _tell(events.node_begins(node.name))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count the one that ended."""
        _tell(events.node_ended(node.name))

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Say that no node will run any more, before the other hooks do what they do at the end."""
        events.tell(events.reaches("leaving"))


def _tell(progress: events.Progress) -> None:
    # The file comes first: who hears of a step may look there at once.
    note_progress(progress)
    events.tell(progress)
