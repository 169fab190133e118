"""A client's endpoint: one for all versions, with an id of our own.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.targets.names import label_value, name_of
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.vertex.errors import Stale
from workbench.targets.vertex.operations import poll
from workbench.targets.vertex.services import Services

__all__ = ["Endpoint", "endpoint_name", "look", "set_traffic"]


def endpoint_name(services: Services) -> str:
    """The client's endpoint. Its id starts with a letter, so it may have 63 characters of ``[a-z0-9-]``."""
    return f"{services.parent}/endpoints/{name_of(services.client)}"


def look(services: Services) -> Any | None:
    """The endpoint as it is."""
    return services.look(services.endpoints.get_endpoint, {"name": endpoint_name(services)})


def set_traffic(services: Services, split: Mapping[str, int]) -> None:
    """Set the percentages, by the ids of deployed models.

    With the etag of what was looked at, so a change by somebody else in between is not overwritten.
    """
    found = services.call(services.endpoints.get_endpoint, {"name": endpoint_name(services)})
    if dict(found.traffic_split) == dict(split):
        return
    endpoint = {"name": found.name, "traffic_split": dict(split), "etag": found.etag}
    try:
        services.call(
            services.endpoints.update_endpoint, {"endpoint": endpoint, "update_mask": {"paths": ["traffic_split"]}}
        )
    except Stale as error:
        error.hint = "somebody else changed the endpoint; look with `kedro deploy status`"
        raise


@dataclass(frozen=True)
class Endpoint:
    """The endpoint that serves all versions."""

    services: Services

    kind = "endpoint"
    version = None

    @property
    def name(self) -> str:
        """As all of a client is called."""
        return name_of(self.services.client)

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """Nothing of it depends on a release."""
        return {}

    def find(self) -> Found | None:
        """By its id."""
        found = look(self.services)
        return None if found is None else Found(found.name, {}, dict(found.labels))

    def create(self) -> str:
        """Create it; without traffic, since nothing is deployed."""
        labels = {"client": label_value(self.services.client), "managed-by": "workbench"}
        request = {
            "parent": self.services.parent,
            "endpoint": {"display_name": self.name, "labels": labels},
            "endpoint_id": self.name,
        }
        return str(self.services.call(self.services.endpoints.create_endpoint, request).operation.name)

    def change(self, found: Found) -> str:
        """There is nothing to change."""
        return ""

    def delete(self, found: Found) -> str:
        """Delete it; what is gone already is no error."""
        deleted = self.services.look(self.services.endpoints.delete_endpoint, {"name": found.id})
        return "" if deleted is None else str(deleted.operation.name)

    def poll(self, operation: str) -> Doing:
        """How far an operation is."""
        return poll(self.services, operation)
