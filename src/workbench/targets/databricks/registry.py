"""The registered model in Unity Catalog, by MLflow's own messages.

``databricks.sdk`` can look at versions of a model and delete them, but it can't make one, and it knows no tags.
MLflow's client makes a version, uploads it and finishes it in one call that can't be taken up where it broke off, with
a login from the process's environment. So the requests are those of MLflow's client (``mlflow.protos``: paths and
bodies), sent by the SDK's client, one at a time.

Endpoints: ``/api/2.0/mlflow/unity-catalog/…``, as ``UcModelRegistryService`` of MLflow declares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.targets.databricks.errors import Missing, translated
from workbench.targets.databricks.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.protos.databricks_uc_registry_messages_pb2 import TemporaryCredentials

__all__ = ["Entry", "Model", "Registry"]

PAGE = 100


@dataclass(frozen=True)
class Model:
    """A registered model.

    Attributes:
        aliases: alias to number.
    """

    name: str
    tags: Mapping[str, str]
    aliases: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """A version in Unity Catalog.

    Attributes:
        number: that Unity Catalog gave it; not the number in our registry, which is in the tags.
        status: ``PENDING_REGISTRATION``, ``READY``, ``FAILED_REGISTRATION``.
    """

    number: str
    status: str
    tags: Mapping[str, str]
    message: str = ""


class Registry:
    """One registered model.

    Args:
        name: ``catalog.schema.model``.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace, self.name = workspace, name

    def model(self) -> Model | None:
        """The model; None if there is none."""
        try:
            found = self._send("GetRegisteredModel", name=self.name).registered_model
        except Missing:
            return None
        aliases = {alias.alias: str(alias.version) for alias in found.aliases}
        return Model(found.name, _tags(found), aliases)

    def create_model(self, description: str, tags: Mapping[str, str]) -> None:
        """Make it."""
        self._send("CreateRegisteredModel", name=self.name, description=description, tags=_pairs(tags))

    def delete_model(self) -> None:
        """Take it down; it must have no versions."""
        self._send("DeleteRegisteredModel", name=self.name)

    def set_alias(self, alias: str, number: str) -> None:
        """Move an alias, or make it."""
        self._send("SetRegisteredModelAlias", name=self.name, alias=alias, version=number)

    def delete_alias(self, alias: str) -> None:
        """Take an alias away."""
        self._send("DeleteRegisteredModelAlias", name=self.name, alias=alias)

    def entries(self) -> list[Entry]:
        """All versions, by number. The search tells no tags, so each is looked at."""
        numbers: list[str] = []
        page = ""
        while True:
            more = {"page_token": page} if page else {}
            try:
                found = self._send("SearchModelVersions", filter=f"name='{self.name}'", max_results=PAGE, **more)
            except Missing:
                return []
            numbers += [str(version.version) for version in found.model_versions]
            page = found.next_page_token
            if not page:
                break
        entries = [self.entry(number) for number in sorted(set(numbers), key=int)]
        return [entry for entry in entries if entry is not None]

    def entry(self, number: str) -> Entry | None:
        """One version; None if there is none."""
        try:
            found = self._send("GetModelVersion", name=self.name, version=number).model_version
        except Missing:
            return None
        return _entry(found)

    def create_entry(self, source: str, run_id: str, description: str, tags: Mapping[str, str]) -> Entry:
        """Begin a version; it is pending until it is finished."""
        made = self._send(
            "CreateModelVersion",
            name=self.name,
            source=source,
            description=description,
            tags=_pairs(tags),
            **({"run_id": run_id} if run_id else {}),
        )
        return _entry(made.model_version)

    def finish_entry(self, number: str) -> Entry:
        """All its files are there."""
        return _entry(self._send("FinalizeModelVersion", name=self.name, version=number).model_version)

    def delete_entry(self, number: str) -> None:
        """Take a version down, and its files; what is gone already is no error."""
        try:
            self._send("DeleteModelVersion", name=self.name, version=number)
        except Missing:
            return

    def takes_files(self) -> bool:
        """Whether the workspace says that models are written by the Files API; one that can't tell says no."""
        try:
            found = self._send("IsDatabricksSdkModelsArtifactRepositoryEnabled")
        except Missing:
            return False
        return bool(found.is_databricks_sdk_models_artifact_repository_enabled)

    def location(self, number: str) -> str:
        """Where in the cloud's storage the files of a version lie: ``s3://…``, ``abfss://…``, ``gs://…``."""
        return str(self._send("GetModelVersion", name=self.name, version=number).model_version.storage_location)

    def credentials(self, number: str) -> TemporaryCredentials:
        """Credentials for them, to read and to write, for a while."""
        found = self._send(
            "GenerateTemporaryModelVersionCredentials",
            name=self.name,
            version=number,
            operation="MODEL_VERSION_OPERATION_READ_WRITE",
        )
        given: TemporaryCredentials = found.credentials
        return given

    def _send(self, call: str, **fields: Any) -> Any:
        """Send one of MLflow's requests; its response."""
        from google.protobuf.json_format import MessageToDict, ParseDict

        messages, (method, path) = _contract(call)
        body = MessageToDict(getattr(messages, f"{call}Request")(**fields), preserving_proto_field_name=True)
        answer = self._workspace.send(method, path, body)
        with translated(self._workspace.where):
            return ParseDict(answer, getattr(messages, f"{call}Response")(), ignore_unknown_fields=True)


def _contract(call: str) -> tuple[Any, tuple[str, str]]:
    """MLflow's messages, and method and path of a call, as the service's declaration says."""
    from workbench.registry.store import known_warnings_ignored

    with known_warnings_ignored():
        from mlflow.protos import databricks_uc_registry_messages_pb2 as messages
        from mlflow.protos.databricks_pb2 import rpc
        from mlflow.protos.databricks_uc_registry_service_pb2 import UcModelRegistryService

    for method in UcModelRegistryService.DESCRIPTOR.methods:
        if method.input_type.name == f"{call}Request":
            endpoint = method.GetOptions().Extensions[rpc].endpoints[0]
            return messages, (endpoint.method, f"/api/2.0{endpoint.path}")
    raise KeyError(call)


def _entry(found: Any) -> Entry:
    status = found.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[found.status].name
    return Entry(str(found.version), status, _tags(found), found.status_message)


def _tags(found: Any) -> dict[str, str]:
    return {tag.key: tag.value for tag in found.tags}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
