"""A release in the Model Registry: one model a client, one version of it a release.

https://cloud.google.com/vertex-ai/docs/model-registry/versioning ·
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import TargetError
from workbench.targets.names import label_value, name_of
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release
from workbench.targets.versioned import OfVersion
from workbench.targets.vertex.artifact import Artifact
from workbench.targets.vertex.operations import begun_on, poll
from workbench.targets.vertex.services import Services

__all__ = ["CHAMPION", "Model", "alias_of", "crown", "labels_of", "model_name", "versions_of"]

PORT = 8080
CHAMPION = "champion"
DEFAULT = "default"
UPLOADING = "UploadModelOperationMetadata"


def model_name(services: Services) -> str:
    """The client's model: ``projects/…/locations/…/models/workbench-<client>``."""
    return f"{services.parent}/models/{name_of(services.client)}"


def alias_of(version: int) -> str:
    """The alias of a release, which names just one version of the model."""
    return f"v{version}"


def labels_of(release: Release) -> dict[str, str]:
    """A release's labels as Google Cloud takes them; of the digest as much as there is room for."""
    return {
        **{name: label_value(value) for name, value in release.labels.items()},
        "sha256": release.sha256[:32],
    }


def versions_of(services: Services) -> dict[int, Any]:
    """The registered versions of the client's model, by release."""
    request = {"name": model_name(services)}
    found = services.listed(services.models.list_model_versions, request)
    return {int(one.labels["version"]): one for one in found if one.labels.get("version", "").isdecimal()}


def crown(services: Services, version: int) -> None:
    """Move the alias ``champion`` to a release; done twice, it is the same."""
    name = f"{model_name(services)}@{alias_of(version)}"
    found = services.call(services.models.get_model, {"name": name})
    if CHAMPION not in found.version_aliases:
        _alias(services, found.version_id, CHAMPION)


def _alias(services: Services, version_id: str, *aliases: str) -> None:
    request = {"name": f"{model_name(services)}@{version_id}", "version_aliases": list(aliases)}
    services.call(services.models.merge_version_aliases, request)


@dataclass(frozen=True)
class Model(OfVersion):
    """One version in the Model Registry."""

    services: Services
    release: Release

    kind = "model"

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """What the version is made of; Vertex AI never changes it."""
        return {
            "sha256": self.release.sha256[:32],
            "artifact": Artifact(self.services, self.release).address,
            "image": self.services.settings.image,
        }

    def find(self) -> Found | None:
        """The version with the release's alias; if none is shown yet, the upload that goes on."""
        name = model_name(self.services)
        found = self._look()
        if found is None:
            begun = begun_on(self.services, name, UPLOADING)
            if begun:
                return Found(name, ready=False, operation=begun)
            # It may have come to its end between the two looks.
            found = self._look()
        if found is None:
            return None
        facts: dict[str, Fact] = {
            "sha256": found.labels.get("sha256", ""),
            "artifact": found.artifact_uri,
            "image": found.container_spec.image_uri,
        }
        return Found(f"{name}@{found.version_id}", facts, dict(found.labels))

    def _look(self) -> Any | None:
        name = f"{model_name(self.services)}@{alias_of(self.version)}"
        return self.services.look(self.services.models.get_model, {"name": name})

    def create(self) -> str:
        """Upload it: as a version of the client's model if there is one, else as its first.

        The container is told where its files are by ``AIP_STORAGE_URI``, and the rest by the environment.
        """
        services, name = self.services, model_name(self.services)
        parent = services.look(services.models.get_model, {"name": name})
        if parent is not None and parent.labels.get("client") != self.release.client:
            raise self._refused(f"model '{name_of(self.release.client)}' is there, and is not this client's")
        identity = {"model_id": name_of(self.release.client)} if parent is None else {"parent_model": name}
        request = {"parent": services.parent, "model": self._model(), **identity}
        return str(services.call(services.models.upload_model, request).operation.name)

    def change(self, found: Found) -> str:
        """Refused: what a version is made of cannot be changed.

        Raises:
            TargetError: always.
        """
        raise self._refused("a registered version is there that is made of something else, and it cannot be changed")

    def delete(self, found: Found) -> str:
        """Delete the version, and with the last of them the model; ``default`` goes to another one first."""
        services, name = self.services, model_name(self.services)
        others = services.listed(services.models.list_model_versions, {"name": name})
        own = next((one for one in others if alias_of(self.version) in one.version_aliases), None)
        if own is None:
            return ""
        others.remove(own)
        if not others:
            deleted = services.call(services.models.delete_model, {"name": name})
            return str(deleted.operation.name)
        if DEFAULT in own.version_aliases:
            _alias(services, max(others, key=lambda one: int(one.version_id)).version_id, DEFAULT)
        request = {"name": f"{name}@{own.version_id}"}
        return str(services.call(services.models.delete_model_version, request).operation.name)

    def poll(self, operation: str) -> Doing:
        """How far an operation is."""
        return poll(self.services, operation)

    def _model(self) -> dict[str, Any]:
        environment = {
            "WORKBENCH_MODEL_NAME": self.release.client,
            "WORKBENCH_MODEL_VERSION": str(self.version),
            # The container loads nothing else than what was registered.
            "WORKBENCH_MODEL_SHA256": self.release.sha256,
        }
        return {
            "display_name": name_of(self.release.client),
            "version_aliases": [alias_of(self.version)],
            "version_description": f"run {self.release.run_id}, sha256 {self.release.sha256}",
            "labels": labels_of(self.release),
            "artifact_uri": Artifact(self.services, self.release).address,
            "container_spec": {
                "image_uri": self.services.settings.image,
                "predict_route": "/predict",
                "health_route": "/v2/health/ready",
                "ports": [{"container_port": PORT}],
                "env": [{"name": name, "value": value} for name, value in environment.items()],
            },
        }

    def _refused(self, what: str) -> TargetError:
        return TargetError(
            what,
            where=f"client {self.release.client}, version {self.version}, {self.services.where}",
            hint="register the model again with `kedro run --pipeline register`, which gives it another version",
        )
