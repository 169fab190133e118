"""A client's account: the SDK's client, tried again when that may help, logged in anew once.

The SDK's own retries are off: :class:`~workbench.errors.Transient` alone decides, and ``Retry-After`` is honoured, as
everywhere here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.clients import ClientRegistry
from workbench.clients.hosted import Hosted
from workbench.errors import ConfigurationError
from workbench.hosted.translate import Unauthorised, not_the_api, translated
from workbench.retrying import persistently
from workbench.secrets import ClientSecrets, secrets_of

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["Pace", "Session", "open_session", "settings_of"]

T = TypeVar("T")
SCOPE = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True)
class Pace:
    """Factor of all waiting between tries; tests are in a hurry."""

    scale: float = 1.0


class Session:
    """An account of one client.

    Args:
        client: the client's id; a header of every request names it.
        hosted: its settings.
        secrets: its secrets; a key is fetched when it is needed, and again when it is refused.
        pace: of retries.
    """

    def __init__(self, client: str, hosted: Hosted, secrets: ClientSecrets, pace: Pace | None = None) -> None:
        self.client, self.hosted, self.secrets = client, hosted, secrets
        self.pace = pace or Pace()
        self._api: OpenAI | None = None
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """For errors."""
        return f"client {self.client}, {self.hosted.service} at {self.hosted.endpoint}"

    @property
    def is_dated(self) -> bool:
        """Whether it speaks a dated version of Azure's API, which knows less than OpenAI's own."""
        return self.hosted.api_version != "v1"

    def call(self, action: Callable[[OpenAI], T], expected: type | None = None) -> T:
        """What an action returns, tried again as :func:`~workbench.retrying.persistently` does.

        Args:
            action: one request.
            expected: the SDK's type; an HTML page with status 200 comes as something else.
        """
        return persistently(lambda: self.once(action, expected), scale=self.pace.scale)

    def once(self, action: Callable[[OpenAI], T], expected: type | None = None) -> T:
        """The same, tried once; a refused key or token is fetched anew, once, and then final."""
        api = self._opened()
        try:
            return self._checked(api, action, expected)
        except Unauthorised:
            return self._checked(self._opened(instead_of=api), action, expected)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._api is not None:
                self._api.close()
            self._api = None

    def _checked(self, api: OpenAI, action: Callable[[OpenAI], T], expected: type | None) -> T:
        with translated(self.where):
            answer = action(api)
        if expected is not None and not isinstance(answer, expected):
            raise not_the_api(self.where, f"no {expected.__name__}")
        return answer

    def _opened(self, instead_of: OpenAI | None = None) -> OpenAI:
        with self._lock:  # answers are asked for by several threads
            if self._api is None or self._api is instead_of:
                self._api = self._open()
            return self._api

    def _open(self) -> OpenAI:
        from openai import AzureOpenAI, OpenAI

        hosted = self.hosted
        common: dict[str, Any] = {
            "max_retries": 0,
            "timeout": hosted.timeout_seconds,
            "default_headers": {"X-Client-Label": self.client},
        }
        login = self._login()
        if hosted.service == "openai":
            return OpenAI(api_key=login, base_url=hosted.endpoint, **common)
        if not self.is_dated:
            return OpenAI(api_key=login, base_url=f"{hosted.endpoint}/openai/v1/", **common)
        named = {"api_key": login} if isinstance(login, str) else {"azure_ad_token_provider": login}
        return AzureOpenAI(azure_endpoint=hosted.endpoint, api_version=hosted.api_version, **named, **common)

    def _login(self) -> str | Callable[[], str]:
        if self.hosted.login == "key":
            return self.secrets[self.hosted.key]
        from azure.identity import get_bearer_token_provider

        from workbench.hosted.entra import credential

        azure = self.hosted.azure
        assert azure is not None  # noqa: S101 - the settings say so
        return get_bearer_token_provider(credential(self.secrets, azure.authority), SCOPE)


def settings_of(project: Path, client: str) -> Hosted:
    """A client's settings.

    Raises:
        ConfigurationError: it has none.
    """
    hosted = ClientRegistry(project).load(client).hosted
    if hosted is None:
        raise ConfigurationError(
            "has no account for hosted tuning",
            where=f"client {client}",
            tried=f"`hosted:` in conf/clients/{client}/client.yml",
            hint="add it; docs/hosted-tuning.md shows how. Or tune on this machine: tune.hosted.model: null",
        )
    return hosted


def open_session(project: Path, client: str, pace: Pace | None = None) -> Session:
    """A client's account; nothing is sent yet."""
    return Session(client, settings_of(project, client), secrets_of(project, client), pace)
