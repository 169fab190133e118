"""What people see of a job while they wait: a bar on a terminal, or a line in a log when something changes."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from workbench.hosted.follow import Point

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob
    from rich.progress import Progress, TaskID

    from workbench.hosted.curves import JobRun
    from workbench.targets.protocol import Doing

__all__ = ["JobProgress", "SpokenWaiting"]

_LOG = logging.getLogger(__name__)


class JobProgress:
    """A listener that shows a job, and hands its numbers on to MLflow."""

    def __init__(self, run: JobRun | None) -> None:
        self._run = run
        self._said = ""
        self._bar: tuple[Progress, TaskID] | None = None

    def points(self, points: list[Point]) -> None:
        """New measurements."""
        if self._run is not None:
            self._run.points(points)

    def status(self, job: FineTuningJob, last: Point | None, total: int | None) -> None:
        """Show it, if there is something new."""
        text = f"job {job.id} is {job.status}{_measured(last, total)}"
        if sys.stderr.isatty():
            self._draw(text, last.step if last else 0, total)
        elif text != self._said:
            _LOG.info("%s", text)
        self._said = text

    def close(self) -> None:
        """Put the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _draw(self, text: str, step: int, total: int | None) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar = (progress, progress.add_task("", total=None))
            progress.start()
        progress, task = self._bar
        progress.update(task, completed=step, total=total, description=text)


class SpokenWaiting:
    """Who waits for a deployment hears of it in the log."""

    def __init__(self) -> None:
        self._said = ""

    def step(self, text: str) -> None:
        """A step begins."""
        _LOG.info("%s", text)

    def doing(self, doing: Doing) -> None:
        """How far it is, if that is new."""
        if doing.says and doing.says != self._said:
            _LOG.info("the deployment is %s", doing.says)
            self._said = doing.says


def _measured(last: Point | None, total: int | None) -> str:
    if last is None:
        return ""
    of = f" of {total}" if total else ""
    losses = [
        f"{said} {last.values[name]:.4f}"
        for name, said in (("tune_train_loss", "training loss"), ("tune_validation_loss", "validation loss"))
        if name in last.values
    ]
    return f", step {last.step}{of}" + "".join(f", {one}" for one in losses)
