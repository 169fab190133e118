"""Vertex AI as a target: its parts, its traffic, and who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import TargetError
from workbench.targets.cost import Cost, Line
from workbench.targets.names import version_of_name
from workbench.targets.opening import Place
from workbench.targets.prices import HOURS, Prices
from workbench.targets.protocol import Answered, Doing, Part
from workbench.targets.release import Release
from workbench.targets.vertex.artifact import Artifact, folder_of
from workbench.targets.vertex.deployed import DeployedModel, deployed_id
from workbench.targets.vertex.endpoint import Endpoint, endpoint_name, look, set_traffic
from workbench.targets.vertex.model import Model, crown, versions_of
from workbench.targets.vertex.objects import Objects
from workbench.targets.vertex.operations import poll
from workbench.targets.vertex.services import Services

__all__ = ["VertexTarget"]


class VertexTarget:
    """One client at Vertex AI; see :class:`workbench.targets.protocol.Target`.

    An endpoint chooses itself which version answers, so none can be asked alone.
    """

    kind = "vertex"
    can_pin = False
    caution = ""

    def __init__(self, name: str, services: Services) -> None:
        self.name, self.services, self.where = name, services, services.where

    @classmethod
    def of(cls, place: Place) -> VertexTarget:
        """The adapter of a place."""
        from workbench.clients.targets import VertexTarget as Settings

        if not isinstance(place.settings, Settings):
            raise TypeError(place.settings.kind)
        return cls(place.name, Services(place.settings, place.secrets, place.client))

    def parts(self, release: Release) -> Sequence[Part]:
        """Files, a version in the registry, the endpoint, and the version on machines."""
        services = self.services
        return [
            Artifact(services, release),
            Model(services, release),
            Endpoint(services),
            DeployedModel(services, release),
        ]

    def versions(self) -> Sequence[int]:
        """Those in the bucket, in the registry, and behind the endpoint."""
        names = Objects(self.services).folders(folder_of(self.services.client))
        found = {int(name[1:]) for name in names if name[:1] == "v" and name[1:].isdecimal()}
        return sorted(found | set(versions_of(self.services)) | set(self._deployed(look(self.services)).values()))

    def traffic(self) -> Mapping[int, int]:
        """The endpoint's split."""
        endpoint = look(self.services)
        if endpoint is None:
            return {}
        versions = self._deployed(endpoint)
        strangers = [one for one, percent in endpoint.traffic_split.items() if percent and one not in versions]
        if strangers:
            raise TargetError(
                f"the endpoint gives traffic to a deployed model that is not ours ({', '.join(strangers)[:60]})",
                where=f"client {self.services.client}, {self.where}",
                hint="undeploy it in the Cloud console; nothing was changed",
            )
        return {versions[one]: percent for one, percent in endpoint.traffic_split.items() if percent}

    def split(self, traffic: Mapping[int, int]) -> str:
        """Set the split; before, the alias ``champion`` goes to the version that is to get most of it."""
        version, percent = max(traffic.items(), key=lambda item: item[1])
        if percent > 50:
            crown(self.services, version)
        set_traffic(self.services, {deployed_id(one): share for one, share in traffic.items()})
        return ""

    def poll(self, operation: str) -> Doing:
        """How far an operation is."""
        return poll(self.services, operation)

    def predict(self, rows: Sequence[Mapping[str, Any]], version: int) -> Answered:
        """Ask the endpoint; its answer tells the deployed model."""
        from google.cloud.aiplatform_v1 import PredictRequest
        from google.protobuf.json_format import MessageToDict, ParseDict

        request = PredictRequest(endpoint=endpoint_name(self.services))
        ParseDict({"instances": [dict(row) for row in rows]}, PredictRequest.pb(request))
        answer = self.services.call(self.services.predictions.predict, request)
        answered = version
        if answer.deployed_model_id != deployed_id(version):
            answered = self._deployed(look(self.services)).get(answer.deployed_model_id, -1)
        plain = MessageToDict(type(answer).pb(answer)).get("predictions", [])
        return Answered(answered, [one if isinstance(one, dict) else {"prediction": one} for one in plain])

    def cost(self, prices: Prices) -> Cost:
        """Replicas that are always up; what comes up under load is more."""
        settings, section = self.services.settings, prices.targets.get(self.kind)
        machine = section.machines.get(settings.machine) if section else None
        unknown = [] if machine else [f"machine {settings.machine}: no price known"]
        # A machine of the table may have its GPU in its price.
        if settings.gpu and (machine is None or machine.gpu != settings.gpu):
            unknown.append(f"{settings.gpus} {settings.gpu} a replica: no price known")
        if settings.max_replicas > settings.replicas:
            unknown.append(f"up to {settings.max_replicas - settings.replicas} more replicas under load")
        if not (machine and section):
            return Cost((), prices.currency, str(prices.day), tuple(unknown))
        what = f"{settings.machine}, {settings.replicas} replica{'s' if settings.replicas > 1 else ''}"
        line = Line(what, HOURS * settings.replicas, "h", machine.hour, section.source)
        return Cost((line,), prices.currency, str(prices.day), tuple(unknown))

    def close(self) -> None:
        """Let go of connections."""
        self.services.close()

    def _deployed(self, endpoint: Any | None) -> dict[str, int]:
        """The deployed models of this client, by id."""
        names = {one.id: one.display_name for one in endpoint.deployed_models} if endpoint is not None else {}
        found = {one: version_of_name(self.services.client, name) for one, name in names.items()}
        return {one: version for one, version in found.items() if version is not None}
