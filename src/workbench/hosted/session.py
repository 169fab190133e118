"""A client's account: the SDK's client, tried again when that may help, logged in anew once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.clients import Client, ClientRegistry
from workbench.clients.hosted import Hosted
from workbench.clients.targets import AzureOpenAITarget
from workbench.errors import ConfigurationError
from workbench.retrying import persistently
from workbench.secrets import ClientSecrets, secrets_of
from workbench.targets.azure_openai.api import Account, azure_account
from workbench.targets.azure_openai.connection import Connection
from workbench.targets.azure_openai.translate import not_the_api

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["Session", "Settings", "open_session", "settings_of"]

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What a client's configuration says of hosted tuning.

    Attributes:
        hosted: the block of that name.
        account: where it is.
        azure: for Azure, the target that tuned models are deployed to.
    """

    hosted: Hosted
    account: Account
    azure: AzureOpenAITarget | None = None


class Session:
    """An account of one client.

    Args:
        client: the client's id; a header of every request names it.
        settings: the client's.
        secrets: its secrets; a key is fetched when it is needed, and again when it is refused.
        scale: factor of all waiting between two tries.
    """

    def __init__(self, client: str, settings: Settings, secrets: ClientSecrets, scale: float = 1.0) -> None:
        self.client, self.secrets, self.scale = client, secrets, scale
        self.hosted, self.account, self.azure = settings.hosted, settings.account, settings.azure
        self._connection = Connection(self.account, secrets, self.where)

    @property
    def where(self) -> str:
        """For errors."""
        return f"client {self.client}, {self.account.service} at {self.account.endpoint}"

    def call(self, action: Callable[[OpenAI], T], expected: type | None = None) -> T:
        """What an action returns, tried again as :func:`~workbench.retrying.persistently` does.

        Args:
            action: one request.
            expected: the SDK's type; an HTML page with status 200 comes as something else.
        """
        return persistently(lambda: self.once(action, expected), scale=self.scale)

    def once(self, action: Callable[[OpenAI], T], expected: type | None = None) -> T:
        """The same, tried once; a refused key or token is fetched anew, once, and then final."""
        answer = self._connection.once(action)
        is_it = expected is None or isinstance(answer, expected)
        if not is_it or ("id" in getattr(expected, "model_fields", ()) and not getattr(answer, "id", "")):
            raise not_the_api(self.where, f"no {getattr(expected, '__name__', 'answer')}")
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()


def settings_of(project: Path, client: str) -> Settings:
    """A client's settings.

    Raises:
        ConfigurationError: it has none.
    """
    found: Client = ClientRegistry(project).load(client)
    hosted = found.hosted
    if hosted is None:
        raise ConfigurationError(
            "has no account for hosted tuning",
            where=f"client {client}",
            tried=f"`hosted:` in conf/clients/{client}/client.yml",
            hint="add it; docs/hosted-tuning.md shows how. Or tune on this machine: tune.hosted.model: null",
        )
    target = found.deploy.get(hosted.target or "")
    if isinstance(target, AzureOpenAITarget):
        return Settings(hosted, azure_account(target, hosted.timeout_seconds), target)
    account = Account("openai", hosted.endpoint, hosted.key, timeout_seconds=hosted.timeout_seconds)
    return Settings(hosted, account)


def open_session(project: Path, client: str, scale: float = 1.0) -> Session:
    """A client's account; nothing is sent yet."""
    return Session(client, settings_of(project, client), secrets_of(project, client), scale)
