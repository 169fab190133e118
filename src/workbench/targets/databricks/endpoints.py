"""The serving endpoint as it is, and the changes of its configuration.

An endpoint has one configuration: all served entities, and how the traffic is split among them. It is replaced as a
whole, and while a change is on its way there can be no other. So every change is an *intent* ("serve 4", "remove 3",
"split 3=90 4=10") that is compared with what there is at each look: nothing is done while another change is on its way,
the change is begun when its turn has come, and it is done when the configuration says so. Who was killed in between
leaves an intent in the ledger, or nothing at all, and either way the next look goes on.

https://docs.databricks.com/api/workspace/servingendpoints/updateconfig
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import Gone, TargetError
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.models import Versions
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.names import name_of_version, version_of_name
from workbench.targets.protocol import Doing

if TYPE_CHECKING:
    from databricks.sdk.service.serving import ServedEntityInput, ServingEndpointDetailed, TrafficConfig

__all__ = ["Endpoint", "Endpoints", "Served", "Size"]


@dataclass(frozen=True)
class Size:
    """What a served entity runs on."""

    workload_size: str
    scale_to_zero: bool


@dataclass(frozen=True)
class Served:
    """A served entity: a version in Unity Catalog under a name of ours.

    Attributes:
        number: of the version in Unity Catalog.
        message: what the service says of its deployment.
    """

    name: str
    entity: str
    number: str
    size: Size
    is_ready: bool = True
    message: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint.

    Attributes:
        served: by name, in the configuration that answers.
        pending: names in the one that is on its way.
        shares: name to percentage of the traffic.
        is_changing: whether a change is on its way.
        has_failed: whether the last change has failed; the configuration before it answers.
    """

    id: str
    tags: Mapping[str, str]
    served: Mapping[str, Served]
    pending: frozenset[str]
    shares: Mapping[str, int]
    is_changing: bool
    has_failed: bool
    says: str


class Endpoints:
    """The endpoint of one client.

    Args:
        name: the endpoint's.
        entity: the model's name in Unity Catalog.
        size: of each served entity.
    """

    def __init__(
        self, workspace: Workspace, versions: Versions, *, client: str, name: str, entity: str, size: Size
    ) -> None:
        self.workspace, self.versions = workspace, versions
        self.client, self.name, self.entity, self.size = client, name, entity, size
        self._begun: set[str] = set()

    def read(self) -> Endpoint | None:
        """The endpoint; None if there is none."""
        try:
            return _endpoint(self.workspace.call(lambda client: client.serving_endpoints.get(self.name)))
        except Missing:
            return None

    def create(self, version: int, tags: Mapping[str, str]) -> str:
        """Make it with one served entity, since it can't be without; that gets all traffic, so it is the champion."""
        from databricks.sdk.service.serving import EndpointCoreConfigInput, EndpointTag

        served = {self.served_name(version): self._served(version)}
        self.versions.move_aliases({version: 100})
        config = EndpointCoreConfigInput(
            name=self.name,
            served_entities=_inputs(served),
            traffic_config=_traffic({self.served_name(version): 100}),
        )
        labels = [EndpointTag(key, value) for key, value in tags.items()]
        self.workspace.call(lambda client: client.serving_endpoints.create(self.name, config=config, tags=labels))
        self._begun.add(f"serve {version}")
        return f"serve {version}"

    def delete(self) -> None:
        """Take it down; what is gone already is no error."""
        try:
            self.workspace.call(lambda client: client.serving_endpoints.delete(self.name))
        except Missing:
            return

    def served_name(self, version: int) -> str:
        """The name of a release's served entity."""
        return name_of_version(self.client, version)

    def version_of(self, name: str) -> int | None:
        """The release in a served entity's name."""
        return version_of_name(self.client, name)

    def step(self, intent: str) -> Doing:
        """Look once, and begin the change if its turn has come.

        Raises:
            Gone: there is no endpoint.
            TargetError: the change was begun by this process, and has failed.
        """
        endpoint = self.read()
        if endpoint is None:
            if intent.startswith("remove "):
                return Doing(True, says="there is no endpoint")
            raise Gone(f"endpoint {self.name} is not there", where=self.workspace.where)
        if endpoint.is_changing:
            return Doing(False, says=endpoint.says)
        wanted = self._wanted(intent, endpoint)
        if wanted is None:
            self._begun.discard(intent)
            return Doing(True, 1.0, endpoint.says)
        if endpoint.has_failed and intent in self._begun:
            self._begun.discard(intent)
            raise TargetError(
                f"endpoint {self.name} could not be changed ({intent}): {endpoint.says}",
                where=self.workspace.where,
                hint="the endpoint's build and service logs in the workspace say why; what answered before still does",
            )
        self._begin(*wanted)
        self._begun.add(intent)
        return Doing(False, says="begun")

    def _begin(self, served: Mapping[str, Served], shares: Mapping[str, int]) -> None:
        if not served:
            self.delete()
            return
        entities, traffic = _inputs(served), _traffic({name: shares.get(name, 0) for name in served})
        self.workspace.call(
            lambda client: client.serving_endpoints.update_config(
                self.name, served_entities=entities, traffic_config=traffic
            )
        )

    def _wanted(self, intent: str, endpoint: Endpoint) -> tuple[dict[str, Served], dict[str, int]] | None:
        """The configuration that an intent asks for; None if it is so."""
        what, _, rest = intent.partition(" ")
        served, shares = dict(endpoint.served), dict(endpoint.shares)
        if what == "serve":
            return self._with(int(rest), served, shares)
        if what == "remove":
            return self._without(int(rest), served, shares)
        return self._split(rest, served, shares)

    def _with(
        self, version: int, served: dict[str, Served], shares: dict[str, int]
    ) -> tuple[dict[str, Served], dict[str, int]] | None:
        name, wanted = self.served_name(version), self._served(version)
        if name in served and (served[name].number, served[name].size) == (wanted.number, wanted.size):
            return None
        return {**served, name: wanted}, shares or {name: 100}

    def _without(
        self, version: int, served: dict[str, Served], shares: dict[str, int]
    ) -> tuple[dict[str, Served], dict[str, int]] | None:
        name = self.served_name(version)
        if name not in served:
            return None
        rest = {one: entity for one, entity in served.items() if one != name}
        if rest and shares.get(name, 0) > 0:
            raise TargetError(f"version {version} has {shares[name]} % of the traffic", where=self.workspace.where)
        return rest, {one: share for one, share in shares.items() if one != name}

    def _split(
        self, split: str, served: dict[str, Served], shares: dict[str, int]
    ) -> tuple[dict[str, Served], dict[str, int]] | None:
        pairs = (pair.partition("=") for pair in split.split())
        wanted = {self.served_name(int(version)): int(share) for version, _, share in pairs}
        absent = [name for name in wanted if name not in served]
        if absent:
            raise TargetError(f"{absent[0]} is not served by endpoint {self.name}", where=self.workspace.where)
        now = {name: share for name, share in shares.items() if share > 0}
        return None if now == wanted else (served, wanted)

    def _served(self, version: int) -> Served:
        return Served(self.served_name(version), self.entity, self.versions.number(version), self.size)


def _inputs(served: Mapping[str, Served]) -> list[ServedEntityInput]:
    from databricks.sdk.service.serving import ServedEntityInput

    return [
        ServedEntityInput(
            name=one.name,
            entity_name=one.entity,
            entity_version=one.number,
            workload_size=one.size.workload_size,
            scale_to_zero_enabled=one.size.scale_to_zero,
        )
        for one in served.values()
    ]


def _traffic(shares: Mapping[str, int]) -> TrafficConfig:
    """Every served entity has a route, if only with 0 %."""
    from databricks.sdk.service.serving import Route, TrafficConfig

    return TrafficConfig([Route(served_model_name=name, traffic_percentage=share) for name, share in shares.items()])


def _endpoint(found: ServingEndpointDetailed) -> Endpoint:
    from databricks.sdk.service.serving import EndpointStateConfigUpdate as Update
    from databricks.sdk.service.serving import ServedModelStateDeployment as Deployment

    served = {}
    config, pending = found.config, found.pending_config
    for one in (config.served_entities if config else None) or []:
        state = one.state
        is_ready = state is not None and state.deployment == Deployment.DEPLOYMENT_READY
        message = (state.deployment_state_message if state else None) or ""
        size = Size(one.workload_size or "", bool(one.scale_to_zero_enabled))
        name = one.name or ""
        served[name] = Served(name, one.entity_name or "", one.entity_version or "", size, is_ready, message)
    coming = (pending.served_entities if pending else None) or []
    says = [
        f"{one.name}: {one.state.deployment_state_message}"
        for one in coming
        if one.state and one.state.deployment_state_message
    ]
    routes = (config.traffic_config.routes if config and config.traffic_config else None) or []
    update = found.state.config_update if found.state else None
    return Endpoint(
        id=found.id or "",
        tags={tag.key: tag.value or "" for tag in found.tags or []},
        served=served,
        pending=frozenset(one.name or "" for one in coming),
        shares={
            route.served_model_name or route.served_entity_name or "": route.traffic_percentage for route in routes
        },
        is_changing=update == Update.IN_PROGRESS,
        has_failed=update in {Update.UPDATE_FAILED, Update.UPDATE_CANCELED},
        says="; ".join(says) or (update.value if update else ""),
    )
