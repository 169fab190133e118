"""The SDK's client for one workspace: one attempt a call, and credentials of the client's secrets alone.

``databricks.sdk`` fills what it is not given from environment variables and ``~/.databrickscfg``. A machine that serves
many clients has variables of somebody, so every attribute that the SDK would look for is given here, most of them
empty, and the kind of login is named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from workbench.errors import ConfigurationError
from workbench.targets.databricks.errors import Refused, translated

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "TOKEN", "Workspace"]

R = TypeVar("R")

TOKEN, CLIENT_ID, CLIENT_SECRET = "DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET"
"""Names of secrets: a personal access token, or a service principal's OAuth client (which is to be preferred)."""

SECONDS = 60
"""For one answer."""


class Workspace:
    """Calls of the SDK, each made once.

    A call whose credentials are not taken is made again with what the secrets say by then, once: a token may have been
    rotated, or revoked and replaced.

    Args:
        host: the workspace's address.
        secrets: the client's.
        client: whose requests they are; goes out in ``User-Agent``, which the audit log keeps.
        where: client, target and workspace, for messages.
    """

    def __init__(self, host: str, secrets: Mapping[str, str], *, client: str, where: str) -> None:
        self._host, self._secrets, self._who, self.where = host, secrets, client, where
        self._client: WorkspaceClient | None = None

    def call(self, action: Callable[[WorkspaceClient], R]) -> R:
        """What an action returns that makes one request.

        Raises:
            Unreachable: it may pass.
            Missing: there is no such thing.
            Refused: the credentials were not taken, and neither were new ones.
            TargetError: it was refused.
        """
        try:
            return self._attempt(action)
        except Refused:
            self.close()
            return self._attempt(action)

    def send(self, method: str, path: str, body: Mapping[str, Any], headers: list[str] | None = None) -> dict[str, Any]:
        """A request that the SDK has no method for; GET sends the body as the query."""
        is_query = method == "GET"
        answer: Any = self.call(
            lambda client: client.api_client.do(
                method,
                path,
                query=dict(body) if is_query else None,
                body=None if is_query else dict(body),
                headers={"Accept": "application/json"},
                response_headers=headers,
            )
        )
        with translated(self.where):
            return dict(answer.items())

    def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            self._client.api_client._api_client._session.close()  # noqa: SLF001 - the SDK has no public way
            self._client = None

    def _attempt(self, action: Callable[[WorkspaceClient], R]) -> R:
        with translated(self.where):
            if self._client is None:
                self._client = self._opened()
            return action(self._client)

    def _opened(self) -> WorkspaceClient:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        # The transforms of these make "" a number or a truth, so they get a value.
        given: dict[str, Any] = {
            attribute.name: "" for attribute in Config.attributes() if attribute.env and attribute.transform is str
        }
        given |= {"debug_headers": False, "disable_async_token_refresh": True, "rate_limit": 0}
        given |= self._credentials() | {"host": self._host, "retry_timeout_seconds": 1, "http_timeout_seconds": SECONDS}
        # One plain request a file, instead of a protocol with storage of its own and retries of its own.
        given["disable_experimental_files_api_client"] = True
        config = Config(clock=cast("Any", _OneAttempt()), product="smithright-workbench", product_version="1", **given)
        return WorkspaceClient(config=config.with_user_agent_extra("client", self._who))

    def _credentials(self) -> dict[str, str]:
        client_id, secret = self._secrets.get(CLIENT_ID), self._secrets.get(CLIENT_SECRET)
        if client_id and secret:
            return {"auth_type": "oauth-m2m", "client_id": client_id, "client_secret": secret}
        token = self._secrets.get(TOKEN)
        if token:
            return {"auth_type": "pat", "token": token}
        raise ConfigurationError(
            "there are no credentials for Databricks",
            where=self.where,
            tried=f"the client's secrets {CLIENT_ID} with {CLIENT_SECRET}, and {TOKEN}",
            hint=f"`kedro client secret set {self._who} {TOKEN}`",
        )


class _OneAttempt:
    """A clock on which patience ends with the first wait, so that the SDK makes one attempt.

    The SDK has no setting for no retries (0 seconds mean its default of 300), but takes the clock that its loop reads:
    after the wait that it asks for, its second is over.
    """

    def __init__(self) -> None:
        self._slept = 0.0

    def time(self) -> float:
        """Seconds since the epoch, and those that were not slept."""
        return time.time() + self._slept

    def sleep(self, seconds: float) -> None:
        """Do not sleep."""
        self._slept += max(seconds, 2.0)
