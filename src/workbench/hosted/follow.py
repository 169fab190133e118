"""A job until it has ended: its events and checkpoints as they come, each once.

Calls: ``GET /fine_tuning/jobs/{id}``, ``GET …/events``, ``GET …/checkpoints``
(https://developers.openai.com/api/reference/resources/fine_tuning/subresources/jobs).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from workbench.errors import ModelError, Transient
from workbench.hosted.jobs import ENDED, retrieve
from workbench.hosted.session import Session
from workbench.secrets.redaction import redact_text

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

__all__ = ["Followed", "Listener", "Point", "explain_end", "follow"]

NAMES = {
    "train_loss": "tune_train_loss",
    "valid_loss": "tune_validation_loss",
    "full_valid_loss": "tune_full_validation_loss",
    "train_mean_token_accuracy": "tune_train_token_accuracy",
    "valid_mean_token_accuracy": "tune_validation_token_accuracy",
    "full_valid_mean_token_accuracy": "tune_full_validation_token_accuracy",
}
"""The service's name of a metric, and ours."""
_SHOWN = "tune_train_loss"
MOST_PAGES = 1000


@dataclass(frozen=True)
class Point:
    """What the service measured at a step.

    Attributes:
        step: of the training.
        at: seconds since 1970, by the service's clock.
        values: by our names.
    """

    step: int
    at: int
    values: Mapping[str, float]


class Listener(Protocol):
    """Hears of a job."""

    def points(self, points: list[Point]) -> None:
        """New measurements, in order."""
        ...

    def status(self, job: FineTuningJob, last: Point | None, total: int | None) -> None:
        """What the job is now, its newest measurement, and how many steps it has, if that is known."""
        ...


@dataclass
class Followed:
    """A job that has ended, and all that was heard.

    Attributes:
        job: as it is.
        points: measurements by step.
        checkpoints: by step: the name of the model as it was.
        messages: the service's, in order.
    """

    job: FineTuningJob
    points: dict[int, dict[str, float]] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


def follow(session: Session, job_id: str, listener: Listener) -> Followed:
    """Wait for a job's end.

    Raises:
        Transient: the deadline has passed; the job goes on.
        WorkbenchError: the service is not to be had; the job goes on.
    """
    deadline = time.monotonic() + 3600 * session.hosted.deadline_hours
    heard: Followed | None = None
    seen: set[str] = set()
    total: int | None = None
    last: Point | None = None
    while True:
        # The status first: what is said after it was asked for is then heard below, the last words included.
        job = retrieve(session, job_id)
        heard = heard or Followed(job)
        heard.job = job
        events = _new_events(session, job_id, seen)
        points = [point for event in events if (point := _point(event)) is not None]
        points += _new_checkpoints(session, job_id, heard, seen)
        total = next((found for event in events if (found := _total(event))), total)
        heard.messages += [redact_text(event.message) for event in events]
        for point in points:
            heard.points.setdefault(point.step, {}).update(point.values)
        last = max((one for one in points if _SHOWN in one.values), key=lambda one: one.step, default=last)
        if points:
            listener.points(points)
        listener.status(job, last, total)
        if job.status in ENDED:
            return heard
        if time.monotonic() > deadline:
            raise Transient(
                f"job {job_id} is still {job.status}, after {session.hosted.deadline_hours:g} hours of waiting",
                where=session.where,
                hint="run the same command again: it attaches to the job",
            )
        time.sleep(session.hosted.poll_seconds)


def explain_end(session: Session, heard: Followed) -> None:
    """Raise what a job failed of.

    Raises:
        ModelError: it failed, or was cancelled.
    """
    job = heard.job
    if job.status == "succeeded" and job.fine_tuned_model:
        return
    again = "the same command starts a new job"
    if job.status == "cancelled":
        raise ModelError(f"job {job.id} was cancelled", where=session.where, hint=again)
    error = job.error
    detail = redact_text(f"{error.code}: {error.message}")[:400] if error and error.code else "it gave no reason"
    about = f", about {error.param}" if error and error.param else ""
    raise ModelError(f"job {job.id} failed ({detail}{about})", where=session.where, hint=f"correct that; {again}")


def _new_events(session: Session, job_id: str, seen: set[str]) -> list[FineTuningJobEvent]:
    """Those not heard yet, oldest first; the service gives the newest first."""
    from openai.pagination import SyncCursorPage

    new: list[FineTuningJobEvent] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        page = session.call(
            lambda api, after=after: api.fine_tuning.jobs.list_events(  # type: ignore[misc]
                job_id, limit=100, **({"after": after} if after else {})
            ),
            SyncCursorPage,
        )
        fresh = [event for event in page.data if event.id not in seen]
        new += fresh
        if len(fresh) < len(page.data) or not page.has_more or not page.data:
            break
        after = page.data[-1].id
    seen.update(event.id for event in new)
    new.reverse()  # several may have one time stamp
    return sorted(new, key=lambda event: event.created_at)


def _new_checkpoints(session: Session, job_id: str, heard: Followed, seen: set[str]) -> list[Point]:
    from openai.pagination import SyncCursorPage

    page = session.call(lambda api: api.fine_tuning.jobs.checkpoints.list(job_id, limit=100), SyncCursorPage)
    fresh: list[FineTuningJobCheckpoint] = [one for one in page.data if one.id not in seen]
    seen.update(one.id for one in fresh)
    points = []
    for one in sorted(fresh, key=lambda one: one.step_number):
        heard.checkpoints[one.step_number] = one.fine_tuned_model_checkpoint
        # What the training itself said of this step came as an event; the whole validation set is new here.
        full = {key: value for key, value in one.metrics.to_dict().items() if key.startswith("full_")}
        values = _numbers(full)
        if values:
            points.append(Point(one.step_number, one.created_at, values))
    return points


def _point(event: FineTuningJobEvent) -> Point | None:
    data: Any = event.data
    if event.type != "metrics" or not isinstance(data, Mapping) or "step" not in data:
        return None
    values = _numbers(data)
    return Point(int(data["step"]), event.created_at, values) if values else None


def _total(event: FineTuningJobEvent) -> int | None:
    data: Any = event.data
    total = data.get("total_steps") if isinstance(data, Mapping) else None
    return int(total) if isinstance(total, int | float) else None


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    given = ((ours, data.get(theirs)) for theirs, ours in NAMES.items())
    return {name: float(value) for name, value in given if isinstance(value, int | float)}
