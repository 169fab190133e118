"""The endpoint and its served entities as parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.errors import Gone, Unreachable
from workbench.targets.databricks.access import Permissions
from workbench.targets.databricks.endpoints import Endpoints
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release

__all__ = ["EndpointPart", "ServedPart"]


@dataclass(frozen=True)
class EndpointPart:
    """The endpoint of all versions. It can't be without a served entity, so it is made with the release's.

    Its tags are what the bill is split by: they name the client, and the release that was applied last with its run.
    """

    endpoints: Endpoints
    release: Release
    permissions: Permissions
    kind: str = "endpoint"
    version: int | None = None

    @property
    def name(self) -> str:
        """The endpoint's."""
        return self.endpoints.name

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """Its tags, and who may use it if the configuration says so."""
        labels = self.release.labels
        return {"version": labels["version"], "run": labels["run"]} | self.permissions.wanted

    def find(self) -> Found | None:
        """The endpoint; not ready while a change of its configuration is on its way."""
        endpoint = self.endpoints.read()
        if endpoint is None:
            return None
        facts: dict[str, Fact] = {name: endpoint.tags.get(name, "") for name in ("version", "run")}
        facts |= self.permissions.facts(endpoint.id)
        return Found(endpoint.id, facts, endpoint.tags, ready=not endpoint.is_changing)

    def create(self) -> str:
        """Make it with the release as its first served entity."""
        return self.endpoints.create(self.release.version, self.release.labels)

    def change(self, found: Found) -> str:
        """Tags and permissions; neither touches what answers."""
        from databricks.sdk.service.serving import EndpointTag

        tags = [EndpointTag(key, value) for key, value in self.release.labels.items()]
        self.endpoints.workspace.call(lambda client: client.serving_endpoints.patch(self.name, add_tags=tags))
        self.permissions.settle(found.id)
        return ""

    def delete(self, found: Found) -> str:
        """Take it down, and all that it serves."""
        self.endpoints.delete()
        return ""

    def poll(self, operation: str) -> Doing:
        """How far a change is."""
        return self.endpoints.step(operation)


@dataclass(frozen=True)
class ServedPart:
    """A release behind the endpoint, at first without traffic."""

    endpoints: Endpoints
    release: Release
    kind: str = "served entity"

    @property
    def name(self) -> str:
        """The served entity's."""
        return self.endpoints.served_name(self.release.version)

    @property
    def version(self) -> int | None:
        """The release's."""
        return self.release.version

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """What it runs on."""
        size = self.endpoints.size
        return {"workload_size": size.workload_size, "scale_to_zero": size.scale_to_zero}

    def find(self) -> Found | None:
        """The served entity, in the configuration that answers or in the one that is on its way."""
        endpoint = self.endpoints.read()
        if endpoint is None:
            return None
        served = endpoint.served.get(self.name)
        if served is None:
            is_coming = endpoint.is_changing and self.name in endpoint.pending
            return Found(self.name, {}, endpoint.tags, ready=False) if is_coming else None
        facts: dict[str, Fact] = {
            "workload_size": served.size.workload_size,
            "scale_to_zero": served.size.scale_to_zero,
        }
        return Found(f"{served.entity}/{served.number}", facts, endpoint.tags, ready=served.is_ready)

    def create(self) -> str:
        """Add it to the endpoint's configuration."""
        return self._begun(f"serve {self.release.version}")

    def change(self, found: Found) -> str:
        """Exchange it for one of another size."""
        return self._begun(f"serve {self.release.version}")

    def delete(self, found: Found) -> str:
        """Take it out of the configuration; with the last one goes the endpoint."""
        return self._begun(f"remove {self.release.version}")

    def poll(self, operation: str) -> Doing:
        """How far a change is."""
        return self.endpoints.step(operation)

    def _begun(self, intent: str) -> str:
        try:
            return "" if self.endpoints.step(intent).done else intent
        except Gone as error:
            raise Unreachable("the endpoint is not seen", where=self.endpoints.workspace.where) from error
