"""One run, from taking its client's lock to the last line in the ledger.

A worker of the fleet begins the record before anything heavy is imported, and the Kedro hook takes it over; a plain
``kedro run`` begins it in the hook. However the process ends, short of being killed, the row is ended too.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import audit
from workbench.clients.layers import current_stage
from workbench.errors import WorkbenchError
from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.memory import peak_of
from workbench.fleet.progress import forget_progress, leave_progress
from workbench.fleet.run import ErrorKind, Outcome, State
from workbench.fleet.sentence import kind_of, sentence_of
from workbench.fleet.stop import GracefulStop

__all__ = ["RunRecord", "begin_run", "current", "note_progress", "take_over"]

logger = logging.getLogger(__name__)

_current: RunRecord | None = None


class RunRecord:
    """The run of this process; there is one at a time, because a process serves one client.

    Args:
        project: the project's folder.
        client: a registered client.
        pipeline: the name of the pipeline.
        number: the row that the fleet planned for it, which stays planned until :meth:`begin`; without it, a new one
            begins now.

    Attributes:
        number: the row.

    Raises:
        Busy: another run holds the client.
    """

    def __init__(self, project: Path, client: str, pipeline: str, number: int | None = None) -> None:
        global _current  # noqa: PLW0603 - a process has one run
        self.project, self.client = project, client
        self._made = time.monotonic()
        self._begun: float | None = None
        self._process = os.getpid()
        self._outcome = Outcome()
        self._node = ""
        self._pipeline = pipeline
        self._planned = number
        self._ledger = Ledger.of(project)
        self._lock = ClientLock(state_folder(project), client)
        self._stop = GracefulStop()
        self._lock.acquire(pipeline)
        try:
            if number is None:
                self.begin()
            else:
                self.number = number
        except BaseException:
            self._lock.release()
            raise
        self.is_taken = False
        _current = self
        atexit.register(self._abandon)
        self._stop.install()

    def begin(self) -> None:
        """It is its turn: from now on the row is running, and the time counts. Does nothing the second time."""
        if self._begun is None:
            self._begun = time.monotonic()
            self.number = self._ledger.start(self.client, self._pipeline, self._planned)
            self._put_on_record("run.begun")

    def describe(self, *, partial: bool, git_commit: str | None, config_digest: str | None) -> None:
        """Record what the run is made of; see :class:`workbench.fleet.run.Run`."""
        facts = {"git_commit": git_commit, "config_digest": config_digest, "stage": current_stage()}
        self._ledger.describe(self.number, partial=partial, **facts)

    def note_saved(self, dataset: str, data: Any) -> None:
        """Keep the champion's version from a ``verdict`` and the primary metric from an ``evaluation``."""
        if isinstance(data, Mapping):
            if dataset == "verdict":
                self._outcome = replace(self._outcome, champion=_champion(data))
            elif dataset == "evaluation":
                metric, value = _primary(data)
                self._outcome = replace(self._outcome, metric=metric, value=value)

    def note_mlflow(self) -> None:
        """Keep the id of MLflow's active run; MLflow is not imported for the sake of the question."""
        mlflow = sys.modules.get("mlflow")
        active = getattr(mlflow, "active_run", lambda: None)()
        if active is not None:
            self._outcome = replace(self._outcome, mlflow_run=active.info.run_id)

    def note_nodes(self, ran: int, skipped: int) -> None:
        """Keep how many nodes ran, and for how many nothing had changed."""
        self._outcome = replace(self._outcome, ran=ran, skipped=skipped)

    def note_progress(self, progress: Progress) -> None:
        """Let others see how far it is."""
        leave_progress(self._ledger.path.parent, self._lock.client, self.number, progress)

    def note_failure(self, node: str) -> None:
        """Keep the node in which an error was raised."""
        self._node = node

    def succeed(self) -> None:
        """End it well."""
        self._end("succeeded", None)

    def fail(self, error: BaseException) -> None:
        """End it because of an error; that this cannot be recorded must not hide the error."""
        if isinstance(error, Exception):
            try:
                self._end("failed", sentence_of(error, self._node), kind_of(error))
            except WorkbenchError as problem:
                error.add_note(f"The run could not be recorded either: {problem}")

    def cancel(self, why: str) -> None:
        """End it because somebody wants it to."""
        self._end("cancelled", why)

    def _end(self, state: State, error: str | None, kind: ErrorKind | None = None) -> None:
        global _current  # noqa: PLW0603
        if os.getpid() != self._process or _current is not self:
            return
        _current = None
        self._stop.hold()
        atexit.unregister(self._abandon)
        try:
            if self._begun is not None or state != "cancelled":  # else it was only ever planned, and its parent knows
                self._write_end(state, error, kind)
        finally:
            forget_progress(self._ledger.path.parent, self._lock.client)
            self._lock.release()
            self._stop.remove()

    def _write_end(self, state: State, error: str | None, kind: ErrorKind | None) -> None:
        seconds = round(time.monotonic() - (self._made if self._begun is None else self._begun), 3)
        self.begin()  # what fails while it gets ready has failed
        outcome = replace(self._outcome, peak_mib=peak_of(self._process))
        if not self._ledger.finish(self.number, state, seconds=seconds, error=error, error_kind=kind, outcome=outcome):
            logger.warning("run %d had been taken for dead; the ledger says so, and not that it %s", self.number, state)
        self._put_on_record("run.ended", state)

    def _put_on_record(self, action: str, state: State | None = None) -> None:
        """Tell the audit log; a run that cannot be put on record does not begin."""
        more: dict[str, audit.Fact] = {"state": state} if state else {}
        try:
            audit.record(self.project, action, client=self.client, run=self.number, pipeline=self._pipeline, **more)
        except WorkbenchError as error:
            if state is None:
                self._ledger.finish(self.number, "failed", seconds=0.0, error=sentence_of(error))
            raise

    def _abandon(self) -> None:
        """At the end of a process that ended neither well nor by an error which Kedro saw."""
        if self._stop.received is not None:
            self._end("cancelled", f"stopped by {self._stop.received.name}")
        else:
            self._end("failed", "the process exited in the middle of the run")


def current() -> RunRecord | None:
    """The run of this process, if there is one."""
    return _current


def take_over(project: Path, client: str, pipeline: str) -> RunRecord:
    """The record for a run that begins now: the one which a worker has begun for it, or a new one."""
    record = _current
    if record is not None and record.is_taken:
        # Only a notebook gets here: its last run was interrupted, and the process went on.
        record.cancel("interrupted")
        record = None
    record = record or RunRecord(project, client, pipeline)
    record.is_taken = True
    return record


def note_progress(progress: Progress) -> None:
    """Let others see how far the run of this process is; does nothing if there is none."""
    if _current is not None:
        _current.note_progress(progress)


def begin_run() -> None:
    """It is the turn of this process's run; does nothing if there is none, or if it runs already."""
    if _current is not None:
        _current.begin()


def _champion(verdict: Mapping[str, Any]) -> int | None:
    version = verdict.get("champion_version")
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _primary(evaluation: Mapping[str, Any]) -> tuple[str | None, float | None]:
    metric = evaluation.get("primary")
    try:
        return str(metric), float(evaluation["models"][evaluation.get("candidate", "network")][metric]["value"])
    except (KeyError, TypeError, ValueError):
        return None, None
