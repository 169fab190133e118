"""A deployment of a tuned model in an Azure OpenAI account, as a part of a target.

Calls: ``PUT``, ``GET``, ``PATCH`` (tags) and ``DELETE`` of
``…/providers/Microsoft.CognitiveServices/accounts/{account}/deployments/{name}``
(https://learn.microsoft.com/rest/api/aiservices/accountmanagement/deployments,
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-deploy). ``PUT`` is idempotent by the name. How
far it is, the deployment itself tells by ``provisioningState``; so there is no operation to remember.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import TargetError
from workbench.targets.azure_openai.arm import Arm
from workbench.targets.azure_openai.translate import NotThere
from workbench.targets.protocol import Doing, Fact, Found

if TYPE_CHECKING:
    from azure.mgmt.cognitiveservices.models import Deployment

__all__ = ["DeploymentPart", "evaluation_name"]

VERSION = "1"
"""Of a tuned model there is one version."""
FAILED = frozenset({"Failed", "Canceled", "Disabled"})


def evaluation_name(client: str, key: str) -> str:
    """``<client>-tune-<key>``: of a model that is no version yet; follows from what the model is made of."""
    return f"{client}-tune-{key[:8]}"


@dataclass(frozen=True)
class DeploymentPart:
    """One deployment.

    Attributes:
        arm: the account.
        name: of the deployment.
        model: the tuned model's name at the service; empty if it is only to be looked for, or taken down.
        labels: its tags, for the bill.
        version: the release; None before there is one.
        kind: what a person calls it.
        leaving: whether it is to be taken down, so that it does not matter if it ever came up.
    """

    arm: Arm
    name: str
    model: str
    labels: Mapping[str, str] = field(default_factory=dict)
    version: int | None = None
    kind: str = "deployment"
    leaving: bool = False

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """What it has to be like."""
        facts: dict[str, Fact] = {"sku": self.arm.azure.sku, "capacity": self.arm.azure.capacity}
        return {"model": self.model, **facts} if self.model else facts

    def find(self) -> Found | None:
        """The deployment as it is, or None.

        Raises:
            TargetError: it could not be brought up, or has our name and another model.
        """
        azure = self.arm.azure
        try:
            found = self.arm.call(lambda api: api.deployments.get(azure.resource_group, azure.account, self.name))
        except NotThere:
            return None
        model = _model(found)
        if self.model and model != self.model:
            raise TargetError(
                f"deployment '{self.name}' is there, and is another model's",
                where=self.arm.where,
                hint="take it down if nobody uses it; nothing of it was changed",
            )
        sku = found.sku
        facts: dict[str, Fact] = {"model": model}
        if sku is not None:
            facts |= {"sku": sku.name, "capacity": sku.capacity or 0}
        return Found(self.name, facts, dict(found.tags or {}), self._is_up(found))

    def create(self) -> str:
        """Begin to bring it up."""
        self._put(self.labels)
        return ""

    def change(self, found: Found) -> str:
        """Begin to give it another size; tags that others set stay."""
        self._put({**(found.labels or {}), **self.labels})
        return ""

    def tag(self, found: Found, tags: Mapping[str, str]) -> None:
        """Set tags beside those that it has."""
        from azure.mgmt.cognitiveservices.models import PatchResourceTagsAndSku

        azure = self.arm.azure
        patch = PatchResourceTagsAndSku(tags={**(found.labels or {}), **tags})
        self.arm.call(
            lambda api: api.deployments.begin_update(
                azure.resource_group, azure.account, self.name, patch, polling=False
            ).result()
        )

    def delete(self, found: Found) -> str:
        """Begin to take it down; the tuned model itself stays at the service."""
        azure = self.arm.azure
        try:
            self.arm.call(
                lambda api: api.deployments.begin_delete(azure.resource_group, azure.account, self.name, polling=False)
            )
        except NotThere:
            return ""
        return ""

    def poll(self, operation: str) -> Doing:
        """There is nothing to wait for but the deployment itself."""
        return Doing(True)

    def _put(self, tags: Mapping[str, str]) -> None:
        from azure.mgmt.cognitiveservices.models import Deployment, DeploymentModel, DeploymentProperties, Sku

        azure = self.arm.azure
        wanted = Deployment(
            sku=Sku(name=azure.sku, capacity=azure.capacity),
            tags=dict(tags),
            properties=DeploymentProperties(model=DeploymentModel(format="OpenAI", name=self.model, version=VERSION)),
        )
        # The result is that of the request itself, and asked for since nothing else reads what was answered.
        self.arm.call(
            lambda api: api.deployments.begin_create_or_update(
                azure.resource_group, azure.account, self.name, wanted, polling=False
            ).result()
        )

    def _is_up(self, found: Deployment) -> bool:
        state = str(getattr(found.properties, "provisioning_state", None) or "Accepted")
        if state in FAILED and not self.leaving:
            raise TargetError(
                f"deployment '{self.name}' is {state}",
                where=self.arm.where,
                hint="Azure's activity log has the reason; take the deployment down, and give the command again",
            )
        return state == "Succeeded"


def _model(found: Deployment) -> str:
    return str(getattr(getattr(found.properties, "model", None), "name", "") or "")
