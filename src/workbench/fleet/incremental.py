"""A Kedro runner that remembers what each node has left, and skips the nodes for which nothing has changed since."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework import project as kedro_project
from kedro.runner import SequentialRunner
from kedro.runner.task import Task

from workbench.fingerprints.decide import Decision, Judge
from workbench.fingerprints.facts import is_ephemeral
from workbench.fleet import events
from workbench.fleet.done import Memory, load_sources, save_sources
from workbench.fleet.record import RunRecord, current

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node
    from pluggy import PluginManager

    from workbench.fingerprints.code import Code, Sources
    from workbench.fingerprints.facts import Facts

__all__ = ["IncrementalRunner", "code_behind", "decide", "nothing_to_do", "sources_of"]

SKIPPED = ("verdict", "evaluation")
"""What a run tells the ledger of; where their nodes are skipped, what they have left still holds."""


class IncrementalRunner(SequentialRunner):
    """Runs the nodes one after the other, and writes down what each depended on and what it left.

    Args:
        is_async: as for Kedro's own; nothing is remembered then.
        skip: leave out the nodes for which nothing has changed.
        force: with ``skip``: leave out none.
    """

    def __init__(self, is_async: bool = False, *, skip: bool = False, force: bool = False) -> None:
        super().__init__(is_async=is_async)
        self._skip, self._force = skip, force

    def __str__(self) -> str:
        return f"{type(self).__name__}(skip={self._skip and not self._force})"

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        record = current()
        if record is None or self._is_async or not leaves_something(pipeline, catalog):
            super()._run(pipeline, catalog, hook_manager, run_id)
            return
        run = _Run(record, pipeline, catalog, force=self._force or not self._skip)
        load_counts = Counter(chain.from_iterable(node.inputs for node in pipeline.nodes))
        done: list[Node] = []
        try:
            for node in pipeline.nodes:
                if self._skip and run.skips(node):
                    done.append(node)
                else:
                    begun, facts = time.perf_counter(), run.judge.facts(node)
                    task = Task(node, catalog, is_async=False, hook_manager=hook_manager, run_id=run_id)
                    try:
                        task.execute()
                    except Exception:
                        self._suggest_resume_scenario(pipeline, done, catalog)
                        raise
                    done.append(node)
                    run.ran(node, facts, time.perf_counter() - begun)
                    self._logger.info("Completed node: %s", node.name)
                self._release_datasets(node, catalog, load_counts, pipeline)
        finally:
            run.close()
        self._logger.info("Ran %d of %d nodes; the others had nothing new", run.count, len(done))


class _Run:
    """The nodes of one run, and what is remembered of them."""

    def __init__(
        self, record: RunRecord, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], *, force: bool
    ) -> None:
        self._record, self._catalog = record, catalog
        self._memory = Memory(record.project, record.client, record.number)
        self._sources, self.judge = _judge(record.project, self._memory, pipeline, catalog, force=force)
        self.count = self._skipped = 0

    def skips(self, node: Node) -> bool:
        """Whether nothing has changed for a node; if so it has ended."""
        decision = self.judge.decide_on(node)
        if decision.action != "skip":
            print(f"{node.name} runs: {'; '.join(decision.reasons)}", file=sys.stderr)  # noqa: T201 - the run's log
            return False
        self.judge.ended(node, self.judge.facts(node))
        self._skipped += 1
        for name in set(SKIPPED) & set(node.outputs):
            self._record.note_saved(name, self._catalog.load(name))
        events.node_skipped()
        return True

    def ran(self, node: Node, facts: Facts, seconds: float) -> None:
        """Remember a node that has just ended well."""
        self.judge.ended(node, facts)
        self.count += 1
        outputs = self.judge.outputs_of(node)
        if outputs:
            self._memory.add(node.name, facts, outputs, seconds)

    def close(self) -> None:
        """Write what is not written yet, however the run ended."""
        self._record.note_nodes(self.count, self._skipped)
        self._memory.flush()
        save_sources(self._sources, self._record.project)


def decide(
    project: Path, client: str, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], *, force: bool = False
) -> list[Decision]:
    """What a run would do now, node by node, in their order; nothing is written."""
    _, judge = _judge(project, Memory(project, client), pipeline, catalog, force=force)
    return list(judge.decide().values())


def nothing_to_do(runner: str, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> bool:
    """Whether the run which begins will skip all of its nodes.

    Args:
        runner: its runner, as Kedro names it in ``run_params``.
        pipeline: what it runs.
        catalog: its datasets.
    """
    record = current()
    if record is None or runner != str(IncrementalRunner(skip=True)):
        return False
    memory = Memory(record.project, record.client)
    if not memory.done:
        return False
    _, judge = _judge(record.project, memory, pipeline, catalog, force=False)
    return all(one.action == "skip" for one in judge.decide().values())


def sources_of(project: Path) -> Sources:
    """The source files of the project that Kedro knows."""
    package = sys.modules[str(kedro_project.PACKAGE_NAME)]
    return load_sources(project, Path(str(package.__file__)).parent)


def code_behind(sources: Sources, node: Node, module_of: Callable[[str], str]) -> Code:
    """The code that a node runs with.

    Args:
        sources: see :func:`sources_of`.
        node: its function, and what loads its inputs and saves its outputs.
        module_of: name of a dataset to the module that its class is from.
    """
    return sources.code_of(node.func, *{module_of(name) for name in (*node.inputs, *node.outputs)})


def leaves_something(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> bool:
    """Whether any of a pipeline's outputs outlives the run."""
    outputs = (catalog.get(name, fallback_to_runtime_pattern=True) for name in pipeline.all_outputs())
    return any(not is_ephemeral(dataset) for dataset in outputs)


def _judge(
    project: Path, memory: Memory, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any], *, force: bool
) -> tuple[Sources, Judge]:
    sources = sources_of(project)
    for name in pipeline.datasets():
        catalog.get(name, fallback_to_runtime_pattern=True)

    def code(node: Node) -> Code:
        return code_behind(sources, node, lambda name: type(catalog[name]).__module__)

    judge = Judge(
        pipeline.nodes,
        catalog,
        code=code,
        digests=memory.digests,
        done=memory.done,
        files_of=memory.files_of,
        force=force,
    )
    return sources, judge
