"""The client's jobs planned, made and taken down, by the same steps as what serves models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench import audit
from workbench.clients import Client, ClientRegistry
from workbench.clients.targets import DatabricksJob, DatabricksTarget
from workbench.errors import ConfigurationError
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.secrets import secrets_of
from workbench.targets.book import Book
from workbench.targets.databricks.access import Permissions
from workbench.targets.databricks.jobs import JobPart, bodies_of
from workbench.targets.databricks.target import Databricks
from workbench.targets.opening import settings_of
from workbench.targets.plan import Step, step_of
from workbench.targets.working import Silence, Waiting, Work

__all__ = ["Pipeline", "job_of", "open_pipeline", "settings_of_databricks"]


class Pipeline:
    """The jobs of one client at one workspace.

    Args:
        book: rows of the jobs; they are kept apart from those of what serves models.
    """

    def __init__(self, project: Path, client: Client, target: Databricks, *, work: Work, book: Book) -> None:
        self._project, self._client, self._target, self._work, self._book = project, client, target, work, book
        self._bodies = bodies_of(client, job_of(client, target.settings, target.name))

    def plan(self) -> list[Step]:
        """What :meth:`apply` would do; nothing is changed."""
        steps = [self._step(part) for part in self._parts()]
        return steps + [Step("delete", part.kind, part.name, None) for part in self._surplus()]

    def apply(self) -> list[Step]:
        """Make the jobs what the configuration says; those of schedules that are gone are taken down."""
        steps = self.plan()
        if all(step.action == "keep" for step in steps):
            return steps
        audit.record(self._project, "jobs.applied", client=self._client.id, target=self._target.name)
        for part in self._parts():
            self._work.ensure(part)
        for part in self._surplus():
            self._work.remove(part)
        return steps

    def delete(self) -> list[Step]:
        """Take all jobs down."""
        audit.record(self._project, "jobs.deleted", client=self._client.id, target=self._target.name)
        parts = [*self._parts(), *self._surplus()]
        return [Step("delete", part.kind, part.name, None) for part in parts if self._work.remove(part)]

    def _step(self, part: JobPart) -> Step:
        row = self._book.find(part.kind, part.name)
        return step_of(part, self._work.find(part), begun=row is not None and row.state == "planned")

    def _parts(self) -> list[JobPart]:
        return [self._part(name) for name in self._bodies]

    def _surplus(self) -> list[JobPart]:
        """Jobs that the ledger knows and the configuration does not."""
        rows = [row.name for row in self._book.resources() if row.kind == "job"]
        return [self._part(name) for name in rows if name not in self._bodies]

    def _part(self, name: str) -> JobPart:
        permissions = Permissions(self._target.workspace, "jobs", self._target.settings.permissions.job)
        return JobPart(self._target.workspace, self._client.id, name, permissions, self._bodies.get(name))


@contextmanager
def open_pipeline(
    project: Path, client_id: str, name: str, *, view: Waiting | None = None, changes: bool = True, scale: float = 1.0
) -> Iterator[Pipeline]:
    """The jobs of one client; inside the block, nobody else changes them.

    Args:
        name: the target, as the client's configuration calls it.
        view: is told what is done.
        changes: whether anything is going to be changed.
        scale: factor of the waiting times between two attempts.

    Raises:
        ConfigurationError: the target is not Databricks, or its configuration has no job.
        Busy: somebody else is at it.
    """
    client = ClientRegistry(project).load(client_id)
    settings = settings_of_databricks(client, name)
    lock = ClientLock(state_folder(project), client_id, f"jobs.{name}")
    if changes:
        lock.acquire(f"jobs at {name}")
    try:
        target = Databricks(client_id, name, settings, secrets_of(project, client_id))
        try:
            book = Book(project, client_id, f"{name}.jobs")
            work = Work(
                target,
                client_id,
                book,
                view or Silence(),
                poll_seconds=settings.poll_seconds,
                deadline_seconds=settings.deadline_seconds,
                scale=scale,
            )
            yield Pipeline(project, client, target, work=work, book=book)
        finally:
            target.close()
    finally:
        if changes:
            lock.release()


def settings_of_databricks(client: Client, name: str) -> DatabricksTarget:
    """What a client's configuration says of a target that is Databricks.

    Raises:
        ConfigurationError: it is another kind.
    """
    settings = settings_of(client, name)
    if not isinstance(settings, DatabricksTarget):
        raise ConfigurationError(f"target '{name}' is of kind {settings.kind}", where=f"client {client.id}")
    return settings


def job_of(client: Client, settings: DatabricksTarget, name: str) -> DatabricksJob:
    """What it says of the job.

    Raises:
        ConfigurationError: nothing.
    """
    if settings.job is None:
        raise ConfigurationError(
            f"target '{name}' has no job",
            where=f"client {client.id}",
            hint=f"add `deploy.{name}.job` with `wheel` and `project` to client.yml; see docs/targets/databricks.md",
        )
    return settings.job
