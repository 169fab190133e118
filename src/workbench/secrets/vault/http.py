"""One call to Vault: tried again where that may help, and its answer translated at this one point.

Nothing of an answer's body gets into a message but whether Vault says that it is sealed. Status codes are those of
https://developer.hashicorp.com/vault/api-docs#http-status-codes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from hvac.adapters import JSONAdapter

from workbench.errors import SecretError, Unreachable
from workbench.retrying import persistently, seconds_of

__all__ = ["LONGEST_WAIT", "Calls", "Refused"]

LONGEST_WAIT = 60.0
"""Seconds; if Vault asks for more, a run does not wait for it."""

MAY_PASS = frozenset({408, 412, 425, 429, 472, 473})
"""And all from 500 on but 501; 412: a node has not caught up yet; 472 and 473: it stands by."""


class Refused(SecretError):
    """Vault answered, and will answer the same again.

    Attributes:
        status: of HTTP.
    """

    status = 0


class Calls(JSONAdapter):  # type: ignore[misc]  # hvac has no types
    """What hvac makes its calls with.

    Args:
        attempts: how often one is made, as long as it may pass.
        arguments: hvac's own.

    Raises:
        Refused: see there.
        Unreachable: Vault does not answer, is sealed, or asks to come back later, as often as it was tried.
    """

    def __init__(self, *positional: Any, attempts: int = 1, **arguments: Any) -> None:
        self.attempts = attempts
        super().__init__(*positional, **arguments)

    def hurry(self, seconds: float) -> None:
        """From now on, one attempt a call, and no longer for an answer than so many seconds."""
        self.attempts, self._kwargs["timeout"] = 1, seconds

    def request(self, method: str, url: str, *positional: Any, **arguments: Any) -> Any:
        """Make a call; a JSON body as a dict."""
        return persistently(
            lambda: self._once(method, url, *positional, **arguments),
            attempts=self.attempts,
            longest_wait=LONGEST_WAIT,
        )

    def _once(self, method: str, url: str, *positional: Any, **arguments: Any) -> Any:
        try:
            answer = super().request(method, url, *positional, **arguments)
        except requests.exceptions.SSLError:
            # Without the cause, here as below: what requests says holds addresses and headers.
            raise SecretError(
                "Vault's certificate is not valid", where=self._where(url), hint="see `address` and `ca_file`"
            ) from None
        except requests.RequestException as error:
            raise Unreachable(f"Vault does not answer ({type(error).__name__})", where=self._where(url)) from None
        if isinstance(answer, requests.Response) and answer.status_code == 200 and method.lower() != "head":
            # A proxy's page, or a body that was cut off.
            raise Unreachable("the answer is not Vault's: no JSON", where=self._where(url))
        return answer

    def _raise_for_error(self, method: str, url: str, response: requests.Response) -> None:
        status, where = response.status_code, self._where(url)
        if status in MAY_PASS or (status >= 500 and status != 501):
            sealed = status == 503 and "sealed" in response.text[:1000].lower()
            what = "Vault is sealed" if sealed else f"Vault asks to come back later (HTTP {status})"
            hint = "have it unsealed: `vault operator unseal`" if sealed else ""
            error = Unreachable(what, where=where, hint=hint)
            error.retry_after = seconds_of(response.headers.get("Retry-After"))
            raise error
        refused = Refused(_WHAT.get(status, f"Vault refuses (HTTP {status})"), where=where, hint=_HINT.get(status, ""))
        refused.status = status
        raise refused

    def _where(self, url: str) -> str:
        """Address and path; never a query, a header or a body."""
        path = urlsplit(url).path.removeprefix("/v1/").strip("/")
        return f"Vault {self.base_uri}, {path}"


_WHAT = {
    400: "Vault does not take the request (HTTP 400)",
    403: "Vault does not permit it (HTTP 403)",
    404: "there is nothing (HTTP 404)",
    501: "Vault is not initialised (HTTP 501)",
}
_HINT = {403: "see the client's policy, docs/vault.md", 404: "see `mount` and `path` in secrets.yml"}
