"""The jobs of a client at Vertex AI, opened from its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.clients import ClientRegistry, env_of_client
from workbench.clients.targets import VertexTarget as Settings
from workbench.errors import ConfigurationError
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.secrets import secrets_of
from workbench.targets.book import Book
from workbench.targets.opening import settings_of
from workbench.targets.vertex.grouping import Container, containers_of, grouped, steps_of
from workbench.targets.vertex.jobs import Jobs
from workbench.targets.vertex.services import Services
from workbench.targets.vertex.target import VertexTarget
from workbench.targets.working import Silence, Waiting, Work

__all__ = ["Opened", "containers_of_pipeline", "open_jobs"]


@dataclass(frozen=True)
class Opened:
    """What a job's function takes."""

    services: Services
    jobs: Jobs


@contextmanager
def open_jobs(
    project: Path, client_id: str, name: str, *, view: Waiting | None = None, changes: bool = True, scale: float = 1.0
) -> Iterator[Opened]:
    """The jobs of a client at one target; inside the block, nobody else begins any for it.

    Args:
        project: the project's folder.
        client_id: a registered client.
        name: the target, as the client's configuration calls it.
        view: is told what is waited for.
        changes: whether a job may be begun; who only looks takes no lock.
        scale: factor of the waiting times between two attempts.

    Raises:
        ConfigurationError: the client has no such target, or it is none of Vertex AI.
        Busy: somebody else begins a job of this client there.
    """
    settings = settings_of(ClientRegistry(project).load(client_id), name)
    if not isinstance(settings, Settings):
        raise ConfigurationError(
            f"target '{name}' is of kind {settings.kind}",
            where=f"client {client_id}",
            hint="name one of kind vertex with --target",
        )
    lock = ClientLock(state_folder(project), client_id, f"jobs.{name}")
    if changes:
        lock.acquire(f"jobs at {name}")
    services = Services(settings, secrets_of(project, client_id), client_id)
    view = view or Silence()
    # Rows of jobs stand apart from those of what is served, which `kedro deploy destroy` takes down.
    book = Book(project, client_id, f"{name}/jobs")
    work = Work(
        VertexTarget(name, services),
        client_id,
        book,
        view,
        poll_seconds=settings.poll_seconds,
        deadline_seconds=settings.train.deadline_seconds,
        scale=scale,
    )
    try:
        yield Opened(services, Jobs(services, book, work, view, scale=scale))
    finally:
        services.close()
        if changes:
            lock.release()


def containers_of_pipeline(project: Path, client: str, name: str, text: str | None) -> Sequence[Container]:
    """The containers of a registered pipeline, checked against the client's catalog.

    Args:
        project: the project's folder.
        client: whose catalog says what is kept.
        name: of the pipeline.
        text: the containers, as :func:`containers_of` reads them; None: one a tag.

    Raises:
        ConfigurationError: there is no such pipeline, or as :func:`grouped` says.
    """
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.io import MemoryDataset

    bootstrap_project(project)
    if name not in pipelines:
        raise ConfigurationError(f"there is no pipeline '{name[:40]}'", tried=", ".join(sorted(pipelines)))
    steps = steps_of(pipelines[name])
    catalog = KedroSession.create(project_path=project, env=env_of_client(client)).load_context().catalog

    def is_kept(dataset: str) -> bool:
        return dataset in catalog and not isinstance(catalog.get(dataset), MemoryDataset)

    tags = dict.fromkeys(tag for step in steps for tag in sorted(step.tags))
    groups = containers_of(text) if text else {tag: (tag,) for tag in tags}
    return grouped(steps, groups, is_kept)
