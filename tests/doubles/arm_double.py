"""Azure Resource Manager and Microsoft Entra ID, as far as deployments of Azure OpenAI need them, over https.

- ``PUT``, ``GET``, ``PATCH``, ``DELETE …/Microsoft.CognitiveServices/accounts/{account}/deployments/{name}``:
  https://learn.microsoft.com/rest/api/aiservices/accountmanagement/deployments; bodies by the SDK's own model classes.
- client credentials: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from azure.mgmt.cognitiveservices.models import Deployment, PatchResourceTagsAndSku
from double_service import Answer, Operation, Request, Service, route

__all__ = ["ArmDouble"]

SUBSCRIPTION, GROUP, ACCOUNT = "00000000-1111-2222-3333-444444444444", "rg-double", "double-account"
TENANT, PRINCIPAL, SECRET = "11111111-2222-3333-4444-555555555555", "workbench-principal", "a-very-secret~value.0123"
PATH = (
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.CognitiveServices/accounts/(?P<account>[^/]+)/deployments/(?P<name>[^/]+)"
)


class ArmDouble(Service):
    """A server on loopback.

    Attributes:
        deployments: by name.
        quota: thousands of tokens a minute that are left.
        looks: at a new deployment, before it is up.
        secret: of the principal; another one is refused.
        tokens: those that are let in; revoking one is removing it.
    """

    def __init__(self, tls: Any) -> None:
        super().__init__(tls)
        self.deployments: dict[str, Deployment] = {}
        self._operations: dict[str, Operation] = {}
        self._gone: dict[str, Operation] = {}
        self.quota, self.looks, self.secret = 10, 2, SECRET
        self.tokens: set[str] = set()
        self.outcome = "Succeeded"

    def up(self) -> Mapping[str, str]:
        """Deployments that answer: name to model."""
        return {
            name: one.properties.model.name
            for name, one in self.deployments.items()
            if one.properties.provisioning_state == "Succeeded"
        }

    def settings(self, data_plane: str) -> dict[str, Any]:
        """The settings of a target with an account here.

        Args:
            data_plane: where its deployments answer.
        """
        return {
            "kind": "azure_openai",
            "subscription": SUBSCRIPTION,
            "resource_group": GROUP,
            "account": ACCOUNT,
            "address": data_plane,
            "management": self.address,
            "authority": self.address,
            "login": "key",
            "poll_seconds": 0.01,
        }

    def error(self, status: int, message: str, code: str = "BadRequest") -> Answer:
        return Answer(status, {"error": {"code": code, "message": message}})

    def authorise(self, request: Request) -> None:
        if not request.path.startswith("/subscriptions/"):
            return
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise self.error(401, "The access token has expired.", "ExpiredAuthenticationToken")
        if not request.query.get("api-version"):
            raise self.error(400, "The api-version query parameter is required.", "MissingApiVersionParameter")

    # ---- Entra ID -----------------------------------------------------------------------------------------------------

    @route("GET", r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration")
    def discovery(self, request: Request, tenant: str) -> Any:
        root = f"{self.address}/{tenant}"
        return {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "issuer": f"{root}/v2.0",
        }

    @route("POST", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token")
    def token(self, request: Request, tenant: str) -> Any:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (PRINCIPAL, self.secret):
            text = "AADSTS7000215: Invalid client secret provided."
            raise Answer(401, {"error": "invalid_client", "error_description": text, "error_codes": [7000215]})
        assert form["grant_type"] == "client_credentials"
        assert form["scope"].endswith("/.default")
        made = f"token-{len(self.tokens)}-{time.monotonic_ns()}"
        self.tokens.add(made)
        return {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": made}

    # ---- deployments --------------------------------------------------------------------------------------------------

    @route("PUT", PATH)
    def put(self, request: Request, subscription: str, group: str, account: str, name: str) -> Any:
        self._known(subscription, group, account)
        wanted = Deployment.deserialize(request.json())
        present = self.deployments.get(name)
        capacity = wanted.sku.capacity - (present.sku.capacity if present else 0)
        if capacity > self.quota:
            raise self.error(
                400,
                f"This operation require {capacity} new capacity in quota Tokens Per Minute (thousands) - "
                f"{wanted.properties.model.name}, which is bigger than the current available capacity {self.quota}.",
                "InsufficientQuota",
            )
        self.quota -= capacity
        wanted.properties.provisioning_state = "Creating"
        self.deployments[name] = wanted
        self._operations[name] = Operation(self.looks)
        return Answer(200 if present else 201, self._shown(name, request.path))

    @route("GET", PATH)
    def get(self, request: Request, subscription: str, group: str, account: str, name: str) -> Any:
        self._known(subscription, group, account)
        if name in self._gone and self._gone[name].look():
            self.deployments.pop(name, None)
            del self._gone[name]
        if name not in self.deployments:
            raise self.error(404, f"The Resource '{name}' was not found.", "ResourceNotFound")
        if name in self._operations and self._operations[name].look() and name not in self._gone:
            self.deployments[name].properties.provisioning_state = self.outcome
        return self._shown(name, request.path)

    @route("GET", PATH.removesuffix("/(?P<name>[^/]+)"))
    def list(self, request: Request, subscription: str, group: str, account: str) -> Any:
        self._known(subscription, group, account)
        for name in [name for name, one in self._gone.items() if one.look()]:
            self.deployments.pop(name, None)
            del self._gone[name]
        return {"value": [self._shown(name, f"{request.path}/{name}") for name in self.deployments]}

    @route("PATCH", PATH)
    def patch(self, request: Request, subscription: str, group: str, account: str, name: str) -> Any:
        self._known(subscription, group, account)
        if name not in self.deployments:
            raise self.error(404, f"The Resource '{name}' was not found.", "ResourceNotFound")
        wanted = PatchResourceTagsAndSku.deserialize(request.json())
        self.deployments[name].tags = wanted.tags
        return self._shown(name, request.path)

    @route("DELETE", PATH)
    def delete(self, request: Request, subscription: str, group: str, account: str, name: str) -> Any:
        self._known(subscription, group, account)
        if name not in self.deployments:
            return Answer(204)
        if name not in self._gone:  # asked again, it goes on going: it gives its quota back once
            self.deployments[name].properties.provisioning_state = "Deleting"
            self.quota += self.deployments[name].sku.capacity
            self._gone[name] = Operation(1)
        return Answer(202, headers={"Location": f"{self.address}{request.path}?api-version=1"})

    def _shown(self, name: str, path: str) -> dict[str, Any]:
        one = self.deployments[name]
        shown = one.serialize(keep_readonly=True)
        shown["properties"]["provisioningState"] = one.properties.provisioning_state
        return {**shown, "id": path, "name": name, "type": "Microsoft.CognitiveServices/accounts/deployments"}

    def _known(self, subscription: str, group: str, account: str) -> None:
        if (subscription, group) != (SUBSCRIPTION, GROUP):
            raise self.error(404, f"Resource group '{group}' could not be found.", "ResourceGroupNotFound")
        if account != ACCOUNT:
            raise self.error(404, "Can not perform requested operation on nested resource.", "ParentResourceNotFound")
