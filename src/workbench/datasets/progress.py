"""What people see of a training while it runs: a bar on a terminal, or a few lines in a log; and curves in MLflow."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.learning import EpochReport
from workbench.secrets.redaction import redact_text

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from rich.progress import Progress, TaskID

    from workbench.learning.search import TrialReport

__all__ = ["LiveMetrics", "TrainingProgress"]

_LOG = logging.getLogger(__name__)

SPOKEN = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""The epochs that a log without a terminal hears of, beside the last one."""


class TrainingProgress:
    """Called with each epoch's report; the last one, or :meth:`close`, puts the bar away and sends what is left."""

    def __init__(self) -> None:
        self._bar: tuple[Progress, TaskID] | None = None
        self._live = LiveMetrics()

    def __call__(self, report: EpochReport) -> None:
        """Show one epoch."""
        if sys.stderr.isatty():
            self._draw(report)
        elif report.epoch in SPOKEN or report.stopped:
            _LOG.info("epoch %d of at most %d: %s", report.epoch, report.epochs, _summary(report))
        self._live.add(report)
        if report.stopped:
            self.close()

    def trial(self, report: TrialReport) -> None:
        """Tell of one trial of a search for settings, and leave it in MLflow as a run below this one."""
        said = "no loss" if report.value is None else f"validation loss {report.value:.4f}"
        epochs = len(report.losses)
        _LOG.info("trial %d %s: %s, %d epochs, %.0f s", report.number, report.state, said, epochs, report.seconds)
        self._live.trial(report)

    def close(self) -> None:
        """Put the bar away and send what is left; a second time does nothing."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None
        self._live.flush()

    def _draw(self, report: EpochReport) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[summary]}"))
            progress = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            self._bar = (progress, progress.add_task("", total=report.epochs, summary=""))
            progress.start()
        progress, task = self._bar
        progress.update(task, completed=report.epoch, summary=_summary(report))


class LiveMetrics:
    """Sends each epoch's numbers to the MLflow run that is active, if one is; several epochs at once if they are short.

    One ``log_metric`` costs 6 to 9 ms on SQLite, a batch of a thousand 0.15 s: so numbers wait for
    :data:`SECONDS`. A training never fails for a curve: if MLflow refuses, there is one warning and no more sending.
    """

    SECONDS = 1.0

    def __init__(self) -> None:
        self._waiting: list[Metric] = []
        self._run_id: str | None = None
        self._sent = float("-inf")
        self._refused = False

    def add(self, report: EpochReport) -> None:
        """Take note of an epoch, and send if it is time."""
        run_id = None if self._refused else _active_run()
        if run_id is None:
            return
        from mlflow.entities import Metric

        self._run_id = run_id
        now = int(time.time() * 1000)
        self._waiting += [Metric(name, value, now, report.epoch) for name, value in report.metrics().items()]
        if time.monotonic() - self._sent >= self.SECONDS:
            self.flush()

    def trial(self, report: TrialReport) -> None:
        """Leave a trial as a run of its own below the active one: its settings and its curve."""
        run_id = None if self._refused else _active_run()
        if run_id is None:
            return
        from mlflow.exceptions import MlflowException

        try:
            _nested_run(run_id, report)
        except MlflowException as error:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        self._refused = True
        _LOG.warning("no live metrics: MLflow refused them (%s)", redact_text(str(error).splitlines()[0]))

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._run_id is None:
            return
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            MlflowClient().log_batch(self._run_id, metrics=waiting)
        except MlflowException as error:
            self._refuse(error)
        self._sent = time.monotonic()


def _active_run() -> str | None:
    """The id of this thread's MLflow run. MLflow is not imported for the question."""
    mlflow: Any = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    return None if run is None else str(run.info.run_id)


def _nested_run(parent: str, report: TrialReport) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    client, now = MlflowClient(), int(time.time() * 1000)
    above = client.get_run(parent)
    # Whoever closes the runs of a process that is gone knows it by this tag.
    process = {"process": above.data.tags["process"]} if "process" in above.data.tags else {}
    made = client.create_run(
        above.info.experiment_id,
        start_time=now - int(1000 * report.seconds),
        tags={MLFLOW_PARENT_RUN_ID: parent, "trial": str(report.number), "state": report.state, **process},
        run_name=f"trial {report.number}",
    )
    curve = [Metric("validation_loss", loss, now, epoch) for epoch, loss in enumerate(report.losses, start=1)]
    lowest = [] if report.value is None else [Metric("lowest_validation_loss", report.value, now, 0)]
    settings = [Param(name, str(value)) for name, value in report.setting.items()]
    client.log_batch(made.info.run_id, metrics=[*curve[-900:], *lowest], params=settings)
    client.set_terminated(made.info.run_id, "FAILED" if report.state == "fail" else "FINISHED", end_time=now)


def _summary(report: EpochReport) -> str:
    parts = [f"training loss {report.train_loss:.4f}", f"validation loss {report.validation_loss:.4f}"]
    if report.value is not None:
        parts.append(f"{report.metric} {report.value:.4f}")
    return ", ".join(parts)
