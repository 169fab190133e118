"""Jobs of Vertex AI: begun once, found again after a crash, and watched to their end.

Custom jobs and batch predictions get their ids from the service, so they are found by the label ``job``; it and the
ledger know the name before the job is created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.errors import TargetError
from workbench.retrying import persistently
from workbench.targets.book import Book
from workbench.targets.names import label_value, name_of
from workbench.targets.protocol import AlreadyThere, Doing
from workbench.targets.vertex.services import Services
from workbench.targets.working import Waiting, Work

__all__ = ["BATCH", "CUSTOM", "PIPELINE", "Job", "Jobs", "Kind", "folder_of_job"]

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED"})


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Attributes:
        word: for a person, and the ledger.
        service: the client of :class:`Services` that has it.
        noun: in the names of its methods and fields.
        purpose: what it is for; one of each at a time for a client.
    """

    word: str
    service: str
    noun: str
    purpose: str


CUSTOM = Kind("custom job", "jobs", "custom_job", "train")
BATCH = Kind("batch prediction", "jobs", "batch_prediction_job", "batch")
PIPELINE = Kind("pipeline job", "pipelines", "pipeline_job", "pipeline")


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        name: ours; ``id`` is the service's.
        state: ``PENDING``, ``RUNNING``, ``SUCCEEDED`` …
        folder: where its files are in the bucket; ends with a slash.
        message: the service's own.
    """

    name: str
    id: str
    state: str
    folder: str
    message: Any

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"name": self.name, "id": self.id, "state": self.state, "folder": self.folder}


def folder_of_job(client: str, name: str) -> str:
    """Where a job's files are in the client's bucket."""
    return f"jobs/{client}/{name}/"


class Jobs:
    """Begins and watches the jobs of one client.

    Args:
        services: the SDK's clients.
        book: the ledger's rows of jobs, apart from those of what is served.
        work: looks again until something is so.
        view: is told what is waited for.
        scale: factor of the waiting times between two attempts.
    """

    def __init__(self, services: Services, book: Book, work: Work, view: Waiting, *, scale: float = 1.0) -> None:
        self._services, self._book, self._work, self._view, self._scale = services, book, work, view, scale

    def begun(self, kind: Kind) -> str:
        """The name of the job of a kind that was begun and is not known to have ended; "" if there is none."""
        rows = [row for row in self._book.resources() if row.kind == kind.word and row.state == "planned"]
        if rows:
            return rows[-1].name
        client = label_value(self._services.client)
        for found in self._list(kind, {"client": client, "purpose": kind.purpose}):
            if _state(found) not in ENDED and found.labels.get("job"):
                return str(found.labels["job"])
        return ""

    def begin(self, kind: Kind, make: Callable[[str, Mapping[str, str]], Mapping[str, Any]]) -> Job:
        """Begin a job, or find the one that goes on.

        Args:
            kind: what kind of job.
            make: gives the job's message from its name and labels; uploads what the job reads.
        """
        name = self.begun(kind) or f"{name_of(self._services.client)}-{kind.purpose}-{datetime.now(UTC):%Y%m%d%H%M%S}"
        self._book.plan(kind.word, name, None, {"purpose": kind.purpose})

        def attempt() -> Job:
            found = self.find(kind, name)
            if found is None:
                found = self._create(kind, name, make)
            return found

        job = persistently(attempt, scale=self._scale)
        self._book.note(kind.word, name, "planned", remote=job.id)
        return job

    def find(self, kind: Kind, name: str) -> Job | None:
        """A job by our name."""
        found = self._list(kind, {"job": name})
        if not found:
            return None
        if found[0].labels.get("client") != label_value(self._services.client):
            raise TargetError(
                f"{kind.word} '{name}' is there, and is not this client's",
                where=f"client {self._services.client}, {self._services.where}",
            )
        return self._job(name, found[0])

    def watch(self, kind: Kind, job: Job) -> Job:
        """Look until it has ended.

        Raises:
            TargetError: it has failed; the next is another job.
            StillWorking: it takes longer than the deadline, and goes on.
        """
        get = getattr(getattr(self._services, kind.service), f"get_{kind.noun}")
        latest = [job]

        def has_ended() -> bool:
            message = self._work.ask(lambda: self._services.call(get, {"name": job.id}))
            latest[0] = self._job(job.name, message)
            self._view.doing(Doing(latest[0].state in ENDED, None, latest[0].state.lower()))
            return latest[0].state in ENDED

        self._work.until(has_ended, f"{kind.word} {job.name} has not ended")
        ended = latest[0]
        if ended.state == "SUCCEEDED":
            return ended
        self._book.note(kind.word, job.name, "gone", remote=job.id)
        said = " ".join(str(ended.message.error.message).split())[:300]
        raise TargetError(
            f"{kind.word} {job.name} ended as {ended.state.lower()}: {said or 'no reason given'}",
            where=f"client {self._services.client}, {self._services.where}",
            hint="its log is in the Cloud console; the same command begins another one",
        )

    def settle(self, kind: Kind, job: Job) -> None:
        """What the job has made is here: the next one is another job."""
        self._book.note(kind.word, job.name, "created", remote=job.id)

    def _create(self, kind: Kind, name: str, make: Callable[[str, Mapping[str, str]], Mapping[str, Any]]) -> Job:
        client = label_value(self._services.client)
        labels = {"client": client, "managed-by": "workbench", "purpose": kind.purpose, "job": name}
        request: dict[str, Any] = {"parent": self._services.parent, kind.noun: make(name, labels)}
        if kind is PIPELINE:
            request["pipeline_job_id"] = name
        create = getattr(getattr(self._services, kind.service), f"create_{kind.noun}")
        self._view.step(f"{kind.word} {name}: creating")
        try:
            return self._job(name, self._services.call(create, request))
        except AlreadyThere:
            found = self.find(kind, name)
            if found is None:
                raise
            return found

    def _list(self, kind: Kind, labels: Mapping[str, str]) -> list[Any]:
        method = getattr(getattr(self._services, kind.service), f"list_{kind.noun}s")
        wanted = " AND ".join(f'labels.{name}="{value}"' for name, value in labels.items())
        request = {"parent": self._services.parent, "filter": wanted}
        return self._work.ask(lambda: self._services.listed(method, request))

    def _job(self, name: str, message: Any) -> Job:
        return Job(name, message.name, _state(message), folder_of_job(self._services.client, name), message)


def _state(message: Any) -> str:
    return str(message.state.name).removeprefix("JOB_STATE_").removeprefix("PIPELINE_STATE_")
