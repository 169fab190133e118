"""One MLflow run for one ``kedro run``: started, found again, and always ended.

The run is also MLflow's active run, so that ``mlflow.log_metric`` in a node goes where one expects. Unlike MLflow, a
process that ends in the middle leaves its run KILLED, not FINISHED; one that could not even do that (``kill -9``) has
its run closed by the client's next one.
"""

from __future__ import annotations

import atexit
import getpass
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.clients.layers import current_stage
from workbench.registry import local_store
from workbench.registry.inputs import dataset_inputs
from workbench.registry.provenance import code_version, configuration, digest_of_json, flatten
from workbench.registry.store import Store, environment_kept, open_store, translated

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

__all__ = ["CANDIDATE", "Run", "Starter", "Training", "current", "find_training_run", "sha256_tag", "start"]

logger = logging.getLogger(__name__)

MAX_ENTITIES = 100
"""MLflow takes at most this many parameters or tags in one request."""

NOTE_SECONDS = 10.0
"""A request costs as much as a small node; a crash may cost the notes of this long. The ledger has them, too."""

CANDIDATE = "candidate"
"""The dataset by whose digest a run is looked for."""

_current: Run | None = None


def sha256_tag(dataset: str) -> str:
    """The tag under which a run keeps the digest of what it wrote to a dataset of the catalog."""
    return f"sha256.{dataset}"


@dataclass
class _Notes:
    """What is to be written with the next request."""

    tags: dict[str, str] = field(default_factory=dict)
    inputs: list[DatasetInput] = field(default_factory=list)
    written: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Run:
    """A run that is going on.

    Attributes:
        store: the store that it is in.
        id: MLflow's id.
        process: the process that started it; a fork of it must not write.
    """

    store: Store
    id: str
    process: int
    _notes: _Notes = field(default_factory=_Notes, repr=False, compare=False)

    def note_inputs(self, tables: Mapping[str, Path], context: str) -> None:
        """Keep the digests of the Parquet files or folders that ``context`` is about to read, by dataset name."""
        for name, path in tables.items():
            self._notes.inputs += dataset_inputs(name, path, self.store.project, context)

    def note_output(self, dataset: str, sha256: str) -> None:
        """Keep the digest of what was written to a dataset."""
        self._notes.tags[sha256_tag(dataset)] = sha256

    def is_due(self, reads: Collection[str] = ()) -> bool:
        """Whether what was noted is to be written before a node that reads these datasets."""
        looked_for = CANDIDATE in reads and sha256_tag(CANDIDATE) in self._notes.tags
        return looked_for or time.monotonic() - self._notes.written > NOTE_SECONDS

    def write_notes(self) -> None:
        """Write what was noted: all inputs in one request, all outputs in another."""
        inputs, tags = self._notes.inputs, self._notes.tags
        self._notes.inputs, self._notes.tags, self._notes.written = [], {}, time.monotonic()
        if inputs:
            with translated(self.store.uri):
                self.store.api.log_inputs(self.id, inputs)
        if tags:
            self.tag(tags)

    def log_metrics(self, metrics: Mapping[str, Any], step: int = 0) -> None:
        """Record the numbers among the values, in one request."""
        log_metrics(self.store, self.id, metrics, step)

    def tag(self, tags: Mapping[str, Any]) -> None:
        """Set tags, a hundred in one request."""
        from mlflow.entities import RunTag

        items = [RunTag(key, str(value)) for key, value in tags.items()]
        with translated(self.store.uri):
            for begin in range(0, len(items), MAX_ENTITIES):
                self.store.api.log_batch(self.id, tags=items[begin : begin + MAX_ENTITIES])

    def end(self, status: str = "FINISHED", error: str = "") -> None:
        """End it.

        Args:
            status: FINISHED, FAILED or KILLED.
            error: one sentence, recorded as the tag ``error``.
        """
        global _current  # noqa: PLW0603 - MLflow's own active run is one a process, too
        if _current is self:
            _current = None
            atexit.unregister(_killed)
        if error:
            self._notes.tags["error"] = error[:1000]
        try:
            self.write_notes()
        finally:
            self._terminate(status)

    def _terminate(self, status: str) -> None:
        import mlflow

        with translated(self.store.uri):
            active = mlflow.active_run()
            if active is not None and active.info.run_id == self.id:
                mlflow.end_run(status)
            else:
                self.store.api.set_terminated(self.id, status)
        if self.store.uri == local_store.uri(self.store.project):
            local_store.flush(self.store.project)


def current() -> Run | None:
    """The run of this process, or None if there is none (a notebook, or a pipeline that persists nothing)."""
    return _current if _current is not None and _current.process == os.getpid() else None


@dataclass(frozen=True)
class Starter:
    """Who starts a run.

    Attributes:
        pipeline: the name of the pipeline, as typed.
        session: Kedro's id of the session.
        process: what names this process for good, as text.
        has_ended: whether the process of such a name has ended for certain.
    """

    pipeline: str
    session: str
    process: str
    has_ended: Callable[[str], bool]


def start(project: Path, client_id: str, starter: Starter, *, parameters: Mapping[str, Any], used: set[str]) -> Run:
    """Start the run of this process.

    Args:
        project: the project's folder.
        client_id: whose experiment it goes to.
        starter: who starts it.
        parameters: all parameters, resolved; they are part of the configuration's digest.
        used: the names of those at the top level that the pipeline's nodes take; they are logged as parameters.
    """
    global _current  # noqa: PLW0603
    import mlflow
    from mlflow.entities import Param

    local_store.flush_less()
    store = open_store(project)
    experiment = store.experiment(client_id)
    _close_abandoned(store, experiment, starter.has_ended)
    config = configuration(project, client_id, parameters)
    values = flatten({name: value for name, value in config["parameters"].items() if name in used})
    with translated(store.uri):
        made = store.api.create_run(
            experiment,
            run_name=f"{client_id} {starter.pipeline.strip('_')} {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}",
            tags=_tags(project, client_id, starter, digest_of_json(config)),
        )
        _current = run = Run(store, made.info.run_id, os.getpid())
        atexit.register(_killed, run)
        items = [Param(key, value[:6000]) for key, value in values.items()]
        for begin in range(0, len(items), MAX_ENTITIES):
            store.api.log_batch(run.id, params=items[begin : begin + MAX_ENTITIES])
        store.api.log_dict(run.id, config, "configuration.json")
        # Nested, since a notebook may have a run of its own around this one.
        with environment_kept():
            mlflow.set_experiment(experiment_id=experiment)
            mlflow.start_run(run.id, nested=True)
    return run


def log_metrics(store: Store, run_id: str, metrics: Mapping[str, Any], step: int = 0) -> None:
    """Record the numbers among the values of a flat mapping, in one request."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    numbers = {key: float(value) for key, value in metrics.items() if isinstance(value, int | float)}
    with translated(store.uri):
        store.api.log_batch(run_id, metrics=[Metric(key, value, now, step) for key, value in numbers.items()])


@dataclass(frozen=True)
class Training:
    """A run that wrote a candidate: its id, and when it began, UTC."""

    run_id: str
    began: datetime


def find_training_run(store: Store, client_id: str, sha256: str) -> Training | None:
    """The newest run that wrote a candidate with this digest, or None: the candidate came by another way."""
    with translated(store.uri):
        found = store.api.search_runs(
            [store.experiment(client_id)],
            filter_string=f"tags.`{sha256_tag(CANDIDATE)}` = '{sha256}'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
    if not found:
        return None
    info = found[0].info
    return Training(str(info.run_id), datetime.fromtimestamp(info.start_time / 1000, UTC))


def _tags(project: Path, client_id: str, starter: Starter, config_sha256: str) -> dict[str, str]:
    from mlflow.utils import mlflow_tags

    code = code_version(project)
    stage = current_stage()
    tags = {
        "client": client_id,
        **({"stage": stage} if stage else {}),
        "pipeline": starter.pipeline,
        "kedro_session": starter.session,
        "config_sha256": config_sha256,
        "code_version": str(code),
        "process": starter.process,
        mlflow_tags.MLFLOW_SOURCE_NAME: "kedro run",
        mlflow_tags.MLFLOW_SOURCE_TYPE: "LOCAL",
    }
    with suppress(KeyError, OSError):  # a container's user may have no name
        tags[mlflow_tags.MLFLOW_USER] = getpass.getuser()
    if code.commit:
        tags |= {
            "git_commit": code.commit,
            "git_dirty": str(code.dirty).lower(),
            mlflow_tags.MLFLOW_GIT_COMMIT: code.commit,
            mlflow_tags.MLFLOW_GIT_BRANCH: code.branch,
        }
    return tags


def _close_abandoned(store: Store, experiment: str, has_ended: Callable[[str], bool]) -> None:
    """End the runs whose process is gone."""
    with translated(store.uri):
        for run in store.api.search_runs([experiment], filter_string="attributes.status = 'RUNNING'"):
            process = run.data.tags.get("process")
            if process and has_ended(process):
                logger.warning("run %s was left by a process that is gone; it is now KILLED", run.info.run_name)
                store.api.set_tag(run.info.run_id, "error", "the process was killed")
                store.api.set_terminated(run.info.run_id, "KILLED")


def _killed(run: Run) -> None:
    """At the end of the process; runs before MLflow's own exit handler, which would say FINISHED."""
    if _current is run and run.process == os.getpid():
        with suppress(Exception):
            run.end("KILLED", "the process ended in the middle of the run")
