"""A version on machines, behind the client's endpoint.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints/deployModel
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import TargetError
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release
from workbench.targets.versioned import OfVersion
from workbench.targets.vertex.endpoint import endpoint_name, look
from workbench.targets.vertex.model import alias_of, model_name
from workbench.targets.vertex.operations import begun_on, poll
from workbench.targets.vertex.services import Services

__all__ = ["DeployedModel", "deployed_id"]

DEPLOYING = "DeployModelOperationMetadata"
SCALE = frozenset({"replicas", "max_replicas"})
"""What can be changed while it serves; all else needs a new deployment."""


def deployed_id(version: int) -> str:
    """The id of a deployed version: digits alone, at most ten."""
    return str(version)


@dataclass(frozen=True)
class DeployedModel(OfVersion):
    """One version, deployed. It gets no traffic by that."""

    services: Services
    release: Release

    kind = "deployed model"

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """Its machines, and as whom its container runs."""
        settings = self.services.settings
        facts: dict[str, Fact] = {
            "machine": settings.machine,
            "replicas": settings.replicas,
            "max_replicas": max(settings.replicas, settings.max_replicas),
            "gpu": f"{settings.gpu} x {settings.gpus}" if settings.gpu else "none",
        }
        return facts | ({"service_account": settings.service_account} if settings.service_account else {})

    def find(self) -> Found | None:
        """The deployed model with the release's id; if none is shown yet, the deployment that goes on.

        Deployed models have no labels; whose they are is told by their endpoint.
        """
        endpoint = look(self.services)
        if endpoint is None:
            return None
        labels, found = dict(endpoint.labels), self._own(endpoint)
        if found is None:
            begun = begun_on(self.services, endpoint.name, DEPLOYING)
            if begun:
                return Found(self.name, {}, labels, ready=False, operation=begun)
            # It may have come to its end between the two looks.
            found = self._own(look(self.services))
        if found is None:
            return None
        if found.display_name != self.name:
            # Somebody's own deployment that has happened to get this id.
            labels = {}
        return Found(found.id, _facts(found), labels)

    def _own(self, endpoint: Any | None) -> Any | None:
        deployed = endpoint.deployed_models if endpoint is not None else ()
        return next((one for one in deployed if one.id == deployed_id(self.version)), None)

    def create(self) -> str:
        """Deploy it, without traffic."""
        settings = self.services.settings
        machine: dict[str, Any] = {"machine_type": settings.machine}
        if settings.gpu:
            machine |= {"accelerator_type": settings.gpu, "accelerator_count": settings.gpus}
        deployed = {
            "id": deployed_id(self.version),
            "model": f"{model_name(self.services)}@{alias_of(self.version)}",
            "display_name": self.name,
            "dedicated_resources": {"machine_spec": machine, **self._replicas()},
            "service_account": settings.service_account or "",
        }
        request = {"endpoint": endpoint_name(self.services), "deployed_model": deployed}
        return str(self.services.call(self.services.endpoints.deploy_model, request).operation.name)

    def change(self, found: Found) -> str:
        """Change how many replicas there are.

        Raises:
            TargetError: something else is to change, which Vertex AI does not do to what is deployed.
        """
        other = {name for name, value in self.wanted.items() if found.facts.get(name, value) != value} - SCALE
        if other:
            raise TargetError(
                f"what is deployed keeps its {', '.join(sorted(other))}; of it, only the replicas can be changed",
                where=f"client {self.release.client}, version {self.version}, {self.services.where}",
                hint="apply another version with the new settings and promote it, or destroy and apply",
            )
        fields = "dedicated_resources.min_replica_count", "dedicated_resources.max_replica_count"
        request = {
            "endpoint": endpoint_name(self.services),
            "deployed_model": {"id": found.id, "dedicated_resources": self._replicas()},
            "update_mask": {"paths": list(fields)},
        }
        return str(self.services.call(self.services.endpoints.mutate_deployed_model, request).operation.name)

    def delete(self, found: Found) -> str:
        """Undeploy it; what has traffic is refused by Vertex AI, unless it is the last."""
        request = {"endpoint": endpoint_name(self.services), "deployed_model_id": found.id}
        gone = self.services.look(self.services.endpoints.undeploy_model, request)
        return "" if gone is None else str(gone.operation.name)

    def poll(self, operation: str) -> Doing:
        """How far an operation is; on machines that have to start, minutes."""
        return poll(self.services, operation)

    def _replicas(self) -> dict[str, int]:
        settings = self.services.settings
        most = max(settings.replicas, settings.max_replicas)
        return {"min_replica_count": settings.replicas, "max_replica_count": most}


def _facts(found: Any) -> dict[str, Fact]:
    resources = found.dedicated_resources
    machine = resources.machine_spec
    return {
        "machine": machine.machine_type,
        "replicas": resources.min_replica_count,
        "max_replicas": resources.max_replica_count or resources.min_replica_count,
        "gpu": f"{machine.accelerator_type.name} x {machine.accelerator_count}"
        if machine.accelerator_count
        else "none",
        "service_account": found.service_account,
    }
