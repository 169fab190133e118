"""Azure Resource Manager for one client: the SDK's client; each call is one attempt, after one new login at most.

Errors of azure-core and azure-identity become the workbench's at one point. Codes:
https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors and
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/quota.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.clients.targets import AzureOpenAITarget
from workbench.errors import TargetError, Unreachable, WorkbenchError
from workbench.retrying import seconds_of
from workbench.secrets import ClientSecrets
from workbench.targets.azure_openai.api import AUTHORITY
from workbench.targets.azure_openai.entra import credential
from workbench.targets.azure_openai.translate import NotThere, Throttled, Unauthorised, not_the_api, said

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

__all__ = ["Arm"]

T = TypeVar("T")
MANAGEMENT = "https://management.azure.com"

_HINTS = {
    "InsufficientQuota": "ask for more quota of the model in the subscription, make `capacity` smaller, "
    "or take down a deployment that nobody uses",
    "InsufficientResources": "the region has no room for the model now: another `sku`, or try later",
    "DeploymentModelNotSupported": "see that the model may be deployed in the account's region, and by which sku",
    "InvalidResourceProperties": "see that `sku` fits the model",
    "AuthorizationFailed": "give the principal the role Cognitive Services Contributor on the resource",
    "ResourceGroupNotFound": "see `deploy` in client.yml",
    "ParentResourceNotFound": "see `deploy` in client.yml",
    "SubscriptionNotFound": "see `deploy` in client.yml",
}
_BUSY = frozenset({"RequestConflict", "Conflict", "AnotherOperationInProgress", "OperationNotAllowed"})


class Arm:
    """An Azure account of one client.

    Args:
        client: the client's id.
        azure: its settings.
        secrets: its secrets.
        timeout_seconds: for one answer.
    """

    def __init__(
        self, client: str, azure: AzureOpenAITarget, secrets: ClientSecrets, timeout_seconds: float = 120.0
    ) -> None:
        self.client, self.azure = client, azure
        self._secrets, self._timeout = secrets, timeout_seconds
        self._api: CognitiveServicesManagementClient | None = None

    @property
    def where(self) -> str:
        """For errors."""
        return f"client {self.client}, Azure account {self.azure.account}"

    def call(self, action: Callable[[CognitiveServicesManagementClient], T]) -> T:
        """What an action returns; a refused token is fetched anew, once, and then final."""
        try:
            with _translated(self.where):
                return action(self._opened())
        except Unauthorised:
            self.close()
            with _translated(self.where):
                return action(self._opened())

    def close(self) -> None:
        """Close the connections."""
        if self._api is not None:
            self._api.close()
        self._api = None

    def _opened(self) -> CognitiveServicesManagementClient:
        if self._api is None:
            from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

            management = (self.azure.management or MANAGEMENT).rstrip("/")
            self._api = CognitiveServicesManagementClient(
                credential(self._secrets, (self.azure.authority or AUTHORITY).rstrip("/")),
                self.azure.subscription,
                base_url=management,
                credential_scopes=[f"{management}/.default"],
                retry_total=0,
                connection_timeout=self._timeout,
                read_timeout=self._timeout,
            )
        return self._api


@contextmanager
def _translated(where: str) -> Iterator[None]:
    from azure.core import exceptions

    try:
        yield
    except exceptions.DecodeError as error:
        raise not_the_api(where, type(error).__name__) from None
    except exceptions.HttpResponseError as error:
        raise _of_response(error, where) from None
    except (exceptions.ServiceRequestError, exceptions.ServiceResponseError):
        raise Unreachable("it cannot be reached, or hung up", where=where, hint="run the same command again") from None
    except (exceptions.AzureError, ValueError) as error:
        raise not_the_api(where, type(error).__name__) from None


def _of_response(error: HttpResponseError, where: str) -> WorkbenchError:
    from azure.core.exceptions import ClientAuthenticationError

    response: Any = error.response
    status = error.status_code or 0
    code = str(getattr(error.error, "code", None) or "")
    if status == 429 or status in {408, 500, 502, 503, 504} or (status == 409 and code in _BUSY):
        kind = Throttled if status == 429 else Unreachable
        later = kind(f"it has too much to do, or is down ({status} {code})".rstrip(), where=where, hint="try again")
        later.retry_after = seconds_of(response.headers.get("retry-after") if response is not None else None)
        return later
    if isinstance(error, ClientAuthenticationError):
        return _of_login(error, where, code)
    if status == 200:
        return not_the_api(where, "no deployment")
    if status == 404 and code in {"", "ResourceNotFound", "DeploymentNotFound"}:
        return NotThere("there is no such deployment (404)", where=where, hint="see `deploy` in client.yml")
    hint = _HINTS.get(code, "correct it")
    return TargetError(f"Azure refuses ({status} {code}: {said(error)})", where=where, hint=hint)


def _of_login(error: HttpResponseError, where: str, code: str) -> WorkbenchError:
    """Of the resource manager, a token that may be too old; of Entra ID itself, a principal that is wrong."""
    aadsts = re.search(r"AADSTS\d+", str(error.message))
    if error.status_code == 401 and not aadsts:
        return Unauthorised(
            f"Azure refuses the token (401 {code})".replace(" )", ")"),
            where=where,
            hint="look at the principal's roles",
        )
    reason = f" ({aadsts.group()})" if aadsts else ""
    return TargetError(
        f"Entra ID gives no token{reason}",
        where=where,
        hint="look at the secrets AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    )
