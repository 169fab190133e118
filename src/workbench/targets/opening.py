"""From a client's configuration to a deployment that can be planned, applied and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from workbench.clients import Client, ClientRegistry
from workbench.clients.targets import AzureOpenAITarget, LocalTarget
from workbench.clients.targets import Target as Settings
from workbench.errors import ConfigurationError, did_you_mean
from workbench.fleet.ledger import state_folder
from workbench.fleet.lock import ClientLock
from workbench.secrets import secrets_of
from workbench.secrets.mapping import ClientSecrets
from workbench.targets.book import TUNING, Book
from workbench.targets.deployment import Deployment
from workbench.targets.prices import prices_of
from workbench.targets.protocol import Target
from workbench.targets.release import Release, release_of
from workbench.targets.smoke import Compare, smoke
from workbench.targets.working import Silence, Waiting, Work

__all__ = ["DEFAULT", "Place", "open_deployment", "open_target", "release_for", "settings_of"]

DEFAULT: Mapping[str, Settings] = {"local": LocalTarget(kind="local")}
"""The targets of a client whose configuration names none."""


@dataclass(frozen=True)
class Place:
    """What an adapter is opened with.

    Attributes:
        project: the project's folder.
        client: whose target it is.
        name: the target, as the client's configuration calls it.
        settings: what the configuration says of it.
        secrets: the client's; nothing is fetched before it is asked for.
    """

    project: Path
    client: str
    name: str
    settings: Settings
    secrets: ClientSecrets


def settings_of(client: Client, name: str) -> Settings:
    """What a client's configuration says of a target.

    Raises:
        ConfigurationError: it has none of that name.
    """
    targets = client.deploy or DEFAULT
    if name not in targets:
        raise ConfigurationError(
            f"there is no target '{name[:40]}'",
            where=f"client {client.id}",
            tried=", ".join(sorted(targets)),
            hint=did_you_mean(name, targets, "name it under `deploy` in client.yml"),
        )
    return targets[name]


def open_target(place: Place) -> Target:
    """The adapter of a target's kind; what it needs is imported here."""
    return _ADAPTERS[place.settings.kind](place)


def release_for(project: Path, client_id: str, target: str, version: int | None = None) -> Release:
    """What a target serves: Azure OpenAI a version of the tuned language model, the others one of the client's model.

    Raises:
        ConfigurationError: the client has no such target.
        ModelError: there is no such version.
    """
    if settings_of(ClientRegistry(project).load(client_id), target).kind != "azure_openai":
        return release_of(project, client_id, version)
    from workbench.targets.azure_openai.release import language_release

    return language_release(project, client_id, version)


@contextmanager
def open_deployment(
    project: Path, client_id: str, name: str, *, view: Waiting | None = None, changes: bool = True, scale: float = 1.0
) -> Iterator[Deployment]:
    """One client at one target; inside the block, nobody else changes it.

    Args:
        project: the project's folder.
        client_id: a registered client.
        name: the target, as the client's configuration calls it.
        view: is told what is waited for.
        changes: whether anything is going to be changed; who only looks takes no lock.
        scale: factor of the waiting times between two attempts.

    Raises:
        ConfigurationError: the client or the target is not configured.
        Busy: somebody else deploys this client there.
    """
    client = ClientRegistry(project).load(client_id)
    settings = settings_of(client, name)
    prices = prices_of(project)
    lock = ClientLock(state_folder(project), client_id, f"deploy.{name}")
    if changes:
        lock.acquire(f"deploy to {name}")
    try:
        target = open_target(Place(project, client_id, name, settings, secrets_of(project, client_id)))
        try:
            book = Book(project, client_id, name)
            opened = partial(
                Work,
                target,
                client_id,
                view=view or Silence(),
                poll_seconds=settings.poll_seconds,
                deadline_seconds=settings.deadline_seconds,
                scale=scale,
            )
            yield Deployment(
                project,
                client_id,
                target,
                opened(book),
                book,
                prices=prices,
                releases=lambda version: release_for(project, client_id, name, version),
                tolerance=settings.tolerance,
                budget=client.budgets.serving_monthly,
                compare=_comparison(project, client, target),
                supersede=_superseding(project, target, opened(Book(project, client_id, TUNING))),
            )
        finally:
            target.close()
    finally:
        if changes:
            lock.release()


def _comparison(project: Path, client: Client, target: Target) -> Compare:
    """Language models answer with texts, and are compared by scores."""
    if target.kind != "azure_openai":
        return smoke
    from workbench.targets.azure_openai.comparing import Comparison
    from workbench.targets.azure_openai.target import AzureOpenAI

    return Comparison(project, client, cast("AzureOpenAI", target))


def _superseding(project: Path, target: Target, tunings: Work) -> Callable[[Release], None]:
    """A tuned model was compared by a deployment of its own, which costs as much as the one that serves it."""
    if target.kind != "azure_openai":
        return lambda _: None
    from workbench.targets.azure_openai.evaluations import superseding
    from workbench.targets.azure_openai.target import AzureOpenAI

    return superseding(project, cast("AzureOpenAI", target).arm, tunings)


def _databricks(place: Place) -> Target:
    from workbench.targets.databricks import open_databricks

    return open_databricks(place)


def _local(place: Place) -> Target:
    from workbench.targets.local.target import LocalServing

    return LocalServing(place)


def _vertex(place: Place) -> Target:
    from workbench.targets.vertex.target import VertexTarget

    return VertexTarget.of(place)


def _azure_openai(place: Place) -> Target:
    from workbench.targets.azure_openai.target import AzureOpenAI

    settings = cast("AzureOpenAITarget", place.settings)
    return AzureOpenAI(place.client, place.name, settings, place.secrets)


_ADAPTERS: Mapping[str, Callable[[Place], Target]] = {
    "azure_openai": _azure_openai,
    "databricks": _databricks,
    "local": _local,
    "vertex": _vertex,
}
"""By kind; a client's configuration names a kind, and never a class."""
