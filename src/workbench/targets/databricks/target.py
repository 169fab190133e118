"""The adapter: what there is to be for a release, how traffic is split, how predictions are asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.clients.targets import DatabricksTarget
from workbench.errors import TargetError
from workbench.targets.addresses import refuse_plain
from workbench.targets.cost import Cost
from workbench.targets.databricks.access import Permissions, Privileges
from workbench.targets.databricks.cost import cost_of
from workbench.targets.databricks.endpoints import Endpoints, Size
from workbench.targets.databricks.models import ModelPart, VersionPart, Versions
from workbench.targets.databricks.names import model_name
from workbench.targets.databricks.registry import Registry
from workbench.targets.databricks.serving import EndpointPart, ServedPart
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.names import name_of, name_of_version
from workbench.targets.prices import Prices
from workbench.targets.protocol import Answered, Doing, Part, Row
from workbench.targets.release import Release

if TYPE_CHECKING:
    from workbench.targets.opening import Place

__all__ = ["Databricks", "open_databricks"]

SERVED = "served-model-name"
"""The header of an answer in which the endpoint says which served entity has answered."""


class Databricks:
    """One client's models at one workspace.

    Args:
        client: whose.
        name: the target, as the client's configuration calls it.
        settings: the configuration.
        secrets: the client's.
    """

    kind = "databricks"
    can_pin = True
    caution = ""
    """A served entity can be asked by its name, whatever traffic it has ("Query individual models behind an endpoint",
    https://docs.databricks.com/aws/en/machine-learning/model-serving/serve-multiple-models-to-serving-endpoint)."""

    def __init__(self, client: str, name: str, settings: DatabricksTarget, secrets: Mapping[str, str]) -> None:
        for address in (settings.host, settings.storage_address or "https://"):
            refuse_plain(address, client)
        self.name, self._client, self.settings = name, client, settings
        self.where = f"Databricks, {settings.host}, {settings.catalog}.{settings.schema_}"
        self.workspace = Workspace(
            settings.host, secrets, client=client, where=f"client {client}, target {name} ({self.where})"
        )
        model = model_name(settings.catalog, settings.schema_, client)
        self._registry = Registry(self.workspace, model)
        self._versions = Versions(self.workspace, self._registry, client, settings.wheel, settings.storage_address)
        self._endpoints = Endpoints(
            self.workspace,
            self._versions,
            client=client,
            name=name_of(client),
            entity=model,
            size=Size(settings.workload_size, settings.scale_to_zero),
        )

    def parts(self, release: Release) -> Sequence[Part]:
        """The model, its version, the endpoint, the served entity."""
        access = self.settings.permissions
        permissions = Permissions(self.workspace, "serving_endpoints", access.endpoint)
        return [
            ModelPart(self._registry, self._client, Privileges(self.workspace, self._registry.name, access.model)),
            VersionPart(self._versions, release, name_of_version(self._client, release.version)),
            EndpointPart(self._endpoints, release, permissions),
            ServedPart(self._endpoints, release),
        ]

    def versions(self) -> Sequence[int]:
        """The releases in Unity Catalog, and those behind the endpoint."""
        endpoint = self._endpoints.read()
        names = {*endpoint.served, *endpoint.pending} if endpoint else set()
        served = {version for name in names if (version := self._endpoints.version_of(name)) is not None}
        return sorted(served | set(self._versions.releases()))

    def traffic(self) -> Mapping[int, int]:
        """As the configuration that answers has it."""
        endpoint = self._endpoints.read()
        return {
            version: share
            for name, share in (endpoint.shares if endpoint else {}).items()
            if (version := self._endpoints.version_of(name)) is not None and share > 0
        }

    def split(self, traffic: Mapping[int, int]) -> str:
        """Move the aliases, then begin the change.

        The aliases go first: who was killed in between gives the same command again, and would not if the traffic were
        as asked.
        """
        self._versions.move_aliases(traffic)
        intent = "split " + " ".join(f"{version}={share}" for version, share in sorted(traffic.items()))
        return "" if self._endpoints.step(intent).done else intent

    def poll(self, operation: str) -> Doing:
        """How far a change of the traffic is."""
        return self._endpoints.step(operation)

    def predict(self, rows: Sequence[Row], version: int) -> Answered:
        """Ask a served entity by its name.

        Raises:
            TargetError: another one has answered, or the answer has no predictions.
        """
        served = name_of_version(self._client, version)
        answer = self.workspace.send(
            "POST",
            f"/serving-endpoints/{self._endpoints.name}/served-models/{served}/invocations",
            {"dataframe_records": [_record(row) for row in rows]},
            [SERVED],
        )
        who = answer.get(SERVED) or served
        answered = self._endpoints.version_of(str(who))
        if answered is None:
            raise TargetError(
                f"the answer comes from '{str(who)[:80]}', which is none of ours", where=self.workspace.where
            )
        return Answered(answered, [_prediction(one, self.workspace.where) for one in _list_of(answer, self.workspace)])

    def cost(self, prices: Prices) -> Cost:
        """What one served entity costs a month."""
        return cost_of(prices, self.settings)

    def close(self) -> None:
        """Let go of connections."""
        self._versions.close()
        self.workspace.close()


def _list_of(answer: Mapping[str, Any], workspace: Workspace) -> list[Any]:
    predictions = answer.get("predictions")
    if not isinstance(predictions, list):
        raise TargetError("the answer has no list of predictions", where=workspace.where)
    return predictions


def _record(row: Row) -> dict[str, Any]:
    """A row as JSON can have it: a number that is none is null, which MLflow reads back as one."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in row.items()
    }


def _prediction(one: Any, where: str) -> Row:
    """MLflow's scoring server writes a frame as records, and a single column sometimes as plain values."""
    if isinstance(one, Mapping):
        return dict(one)
    if isinstance(one, (str, int, float)):
        return {"prediction": one}
    raise TargetError(f"a prediction is a {type(one).__name__}, and no record", where=where)


def open_databricks(place: Place) -> Databricks:
    """The adapter of a client's target."""
    if not isinstance(place.settings, DatabricksTarget):
        raise TypeError(place.settings.kind)
    return Databricks(place.client, place.name, place.settings, place.secrets)
