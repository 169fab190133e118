"""A Databricks workspace on loopback: Unity Catalog's models and files, Model Serving, Jobs, permissions, logins.

Each body is read by the SDK's own dataclasses, or by MLflow's own messages, and one with a field that they do not know
is refused; each answer is written by them. docs/targets/databricks.md says which page each call follows.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from databricks.sdk.service import serving
from databricks_files_double import SIGNED, FilesDouble
from databricks_jobs_double import JobsDouble
from double_service import Answer, Operation, Request, route
from google.protobuf import json_format
from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

__all__ = ["DatabricksDouble", "Rows", "retry_info"]

Rows = Sequence[Mapping[str, Any]]
MODELS = "/api/2.0/mlflow/unity-catalog"
NAME = r"[A-Za-z0-9_.%-]+"
TAG_KEY = re.compile(r"[^.,\-=/:]{1,255}")
READY, PENDING, FAILED = uc.READY, uc.PENDING_REGISTRATION, uc.FAILED_REGISTRATION


def retry_info(seconds: float) -> list[dict[str, str]]:
    """The details of an error that says when to come back."""
    return [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": f"{seconds}s"}]


@dataclass
class _Endpoint:
    """An endpoint: what answers, what is on its way, and how that ended."""

    name: str
    id: str
    tags: dict[str, str]
    unseen: int
    config: tuple[list[serving.ServedEntityInput], dict[str, int]] | None = None
    pending: tuple[list[serving.ServedEntityInput], dict[str, int]] | None = None
    update: Operation | None = None
    failed: bool = False
    number: int = 0


@dataclass
class _Version:
    info: uc.ModelVersion
    unseen: int
    files: dict[str, bytes] = field(default_factory=dict)


class DatabricksDouble(FilesDouble, JobsDouble):
    """One workspace.

    Attributes:
        tokens: the personal access tokens that are taken; OAuth clients are in :attr:`clients`.
        slow: how many looks a change of an endpoint takes.
        unseen: how many looks a new endpoint or version stays invisible.
        broken: numbers of versions whose container does not come up.
        unfit: how many of the next versions can't be registered.
        needs_agent: whether a request that does not say that it is the workbench's is refused.
        model: what makes a model of a version's files: path to bytes, to rows, to predictions.
    """

    def __init__(self, model: Callable[[Mapping[str, bytes]], Callable[[Rows], list[Any]]] | None = None) -> None:
        super().__init__()
        self.tokens = {"dapi-double-of-a-token"}
        self.clients = {"double-client": "double-client-secret"}
        self.slow, self.unseen, self.unfit = 1, 0, 0
        self.broken: set[str] = set()
        self.model = model
        self.registered: dict[str, uc.RegisteredModel] = {}
        self.versions: dict[tuple[str, str], _Version] = {}
        self.numbers: dict[str, int] = {}
        self.endpoints: dict[str, _Endpoint] = {}
        self.issued = 0
        self.needs_agent = True

    # ---- errors and logins ------------------------------------------------------------------------------------------

    def authorise(self, request: Request) -> None:
        if request.path.startswith(("/oidc/", "/.well-known/", SIGNED)):
            return
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            raise self.error(403, "Invalid access token.", "PERMISSION_DENIED")
        if self.needs_agent and not request.headers.get("user-agent", "").startswith("smithright-workbench/"):
            raise self.error(400, "the request does not say what made it")

    @route("GET", "/.well-known/databricks-config")
    def metadata(self, _: Request) -> Any:
        return {"oidc_endpoint": f"{self.address}/oidc", "workspace_id": "42", "cloud": "AWS"}

    @route("GET", "/oidc/.well-known/oauth-authorization-server")
    def discovery(self, _: Request) -> Any:
        return {
            "authorization_endpoint": f"{self.address}/oidc/v1/authorize",
            "token_endpoint": f"{self.address}/oidc/v1/token",
        }

    @route("POST", "/oidc/v1/token")
    def login(self, request: Request) -> Any:
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        client, _, secret = given.partition(":")
        grant = parse_qs(request.body.decode())["grant_type"]
        if grant != ["client_credentials"] or self.clients.get(client) != secret:
            return Answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        self.issued += 1
        token = f"oauth-double-{self.issued}"
        self.tokens.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}

    # ---- models -----------------------------------------------------------------------------------------------------

    def _message(self, request: Request, kind: str) -> Any:
        body = dict(request.query) if request.method == "GET" else request.json()
        try:
            return json_format.ParseDict(body, getattr(uc, f"{kind}Request")())
        except json_format.ParseError as error:
            raise self.error(400, str(error)) from error

    def _written(self, kind: str, **fields: Any) -> Any:
        message = getattr(uc, f"{kind}Response")(**fields)
        return json_format.MessageToDict(message, preserving_proto_field_name=True)

    def _tags(self, tags: Any) -> None:
        for tag in tags:
            if not TAG_KEY.fullmatch(tag.key) or len(tag.value) > 1000:
                raise self.error(400, f"'{tag.key}' is no key of a tag in Unity Catalog")

    def _model(self, name: str) -> uc.RegisteredModel:
        if name not in self.registered:
            raise self.error(404, f"Registered Model '{name}' does not exist.")
        return self.registered[name]

    def _version(self, name: str, number: str) -> _Version:
        self._model(name)
        version = self.versions.get((name, number))
        if version is None:
            raise self.error(404, f"Model Version '{name}/{number}' does not exist.")
        return version

    @route("POST", f"{MODELS}/registered-models/create")
    def create_model(self, request: Request) -> Any:
        asked = self._message(request, "CreateRegisteredModel")
        if not re.fullmatch(r"[^./ ]+\.[^./ ]+\.[^./ ]+", asked.name):
            return self.error(400, f"'{asked.name}' is no name of three levels")
        if asked.name in self.registered:
            return self.error(409, f"Registered Model '{asked.name}' already exists.", "RESOURCE_ALREADY_EXISTS")
        self._tags(asked.tags)
        self.registered[asked.name] = uc.RegisteredModel(
            name=asked.name, description=asked.description, tags=list(asked.tags)
        )
        self.made.append(f"model {asked.name}")
        return self._written("CreateRegisteredModel", registered_model=self.registered[asked.name])

    @route("GET", f"{MODELS}/registered-models/get")
    def get_model(self, request: Request) -> Any:
        found = self._model(self._message(request, "GetRegisteredModel").name)
        return self._written("GetRegisteredModel", registered_model=found)

    @route("DELETE", f"{MODELS}/registered-models/delete")
    def delete_model(self, request: Request) -> Any:
        name = self._message(request, "DeleteRegisteredModel").name
        self._model(name)
        if any(of == name for of, _ in self.versions):
            return self.error(400, "the model has versions")
        del self.registered[name]
        return {}

    @route("POST", f"{MODELS}/registered-models/alias")
    def set_alias(self, request: Request) -> Any:
        asked = self._message(request, "SetRegisteredModelAlias")
        self._version(asked.name, asked.version)
        self._drop_alias(asked.name, lambda alias: alias.alias == asked.alias)
        self.registered[asked.name].aliases.add(alias=asked.alias, version=asked.version)
        return {}

    @route("DELETE", f"{MODELS}/registered-models/alias")
    def delete_alias(self, request: Request) -> Any:
        asked = self._message(request, "DeleteRegisteredModelAlias")
        self._model(asked.name)
        self._drop_alias(asked.name, lambda alias: alias.alias == asked.alias)
        return {}

    @route("GET", f"{MODELS}/registered-models/alias")
    def by_alias(self, request: Request) -> Any:
        asked = self._message(request, "GetModelVersionByAlias")
        number = self.aliases(asked.name).get(asked.alias)
        if number is None:
            return self.error(404, f"there is no alias {asked.alias}")
        return self._written("GetModelVersionByAlias", model_version=self._shown(asked.name, number))

    def aliases(self, name: str) -> dict[str, str]:
        """Alias to number."""
        return {alias.alias: alias.version for alias in self._model(name).aliases}

    def _drop_alias(self, name: str, which: Callable[[Any], bool]) -> None:
        kept = [alias for alias in self.registered[name].aliases if not which(alias)]
        del self.registered[name].aliases[:]
        self.registered[name].aliases.extend(kept)

    @route("POST", f"{MODELS}/model-versions/create")
    def create_version(self, request: Request) -> Any:
        asked = self._message(request, "CreateModelVersion")
        self._model(asked.name)
        self._tags(asked.tags)
        number = str(self.numbers.get(asked.name, 0) + 1)
        self.numbers[asked.name] = int(number)
        info = uc.ModelVersion(
            name=asked.name,
            version=number,
            source=asked.source,
            run_id=asked.run_id,
            description=asked.description,
            tags=list(asked.tags),
            status=PENDING,
            storage_location=self._location(asked.name, number),
        )
        self.versions[asked.name, number] = _Version(info, self.unseen)
        self.made.append(f"version {number}")
        return self._written("CreateModelVersion", model_version=info)

    @route("GET", f"{MODELS}/model-versions/search")
    def search(self, request: Request) -> Any:
        asked = self._message(request, "SearchModelVersions")
        match = re.fullmatch(r"name='([^']+)'", asked.filter)
        if match is None:
            return self.error(400, "a filter is name='catalog.schema.model'")
        self._model(match[1])
        found = []
        for (name, _), version in self.versions.items():
            if name == match[1]:
                version.unseen -= 1
                if version.unseen < 0:
                    found.append(version.info)
        # One a page, so that who reads only the first is found out; the search tells no tags.
        start = int(asked.page_token or 0)
        page = [uc.ModelVersion() for _ in found[start : start + 1]]
        for copy, version_info in zip(page, found[start : start + 1], strict=True):
            copy.CopyFrom(version_info)
            del copy.tags[:]
        more = {"next_page_token": str(start + 1)} if start + 1 < len(found) else {}
        return self._written("SearchModelVersions", model_versions=page, **more)

    @route("GET", f"{MODELS}/model-versions/get")
    def get_version(self, request: Request) -> Any:
        asked = self._message(request, "GetModelVersion")
        return self._written("GetModelVersion", model_version=self._shown(asked.name, asked.version))

    def _shown(self, name: str, number: str) -> uc.ModelVersion:
        shown = uc.ModelVersion()
        shown.CopyFrom(self._version(name, number).info)
        for alias, of in self.aliases(name).items():
            if of == number:
                shown.aliases.add(alias=alias, version=number)
        return shown

    @route("POST", f"{MODELS}/model-versions/finalize")
    def finish(self, request: Request) -> Any:
        asked = self._message(request, "FinalizeModelVersion")
        version = self._version(asked.name, asked.version)
        if self.vault is not None:
            version.files |= self.vault.files(self._prefix(asked.name, asked.version))
        if "MLmodel" not in version.files:
            return self.error(400, "the version has no MLmodel")
        version.info.status = READY
        if self.unfit > 0:
            self.unfit -= 1
            version.info.status, version.info.status_message = FAILED, "its MLmodel is damaged"
        return self._written("FinalizeModelVersion", model_version=version.info)

    @route("DELETE", f"{MODELS}/model-versions/delete")
    def delete_version(self, request: Request) -> Any:
        asked = self._message(request, "DeleteModelVersion")
        self._version(asked.name, asked.version)
        self._drop_alias(asked.name, lambda alias: alias.version == asked.version)
        del self.versions[asked.name, asked.version]
        return {}

    @route("GET", f"{MODELS}/model-versions/get-download-uri")
    def download_uri(self, request: Request) -> Any:
        asked = self._message(request, "GetModelVersionDownloadUri")
        found = self._version(asked.name, asked.version).info.storage_location
        return self._written("GetModelVersionDownloadUri", artifact_uri=found)

    # ---- serving ----------------------------------------------------------------------------------------------------

    def _endpoint(self, name: str) -> _Endpoint:
        found = self.endpoints.get(name)
        if found is None:
            raise self.error(404, f"The given endpoint does not exist: {name}.")
        return found

    def _config(self, body: Any, name: str) -> tuple[list[serving.ServedEntityInput], dict[str, int]]:
        config = serving.EndpointCoreConfigInput.from_dict({"name": name, **body})
        self._refuse_unknown({"name": name, **body}, config.as_dict())
        entities = config.served_entities or []
        if not 1 <= len(entities) <= 10:
            raise self.error(400, "an endpoint serves 1 to 10 entities")
        for one in entities:
            if one.scale_to_zero_enabled is None or one.workload_size not in {"Small", "Medium", "Large"}:
                raise self.error(400, "scale_to_zero_enabled is undefined. Please set it to either true or false.")
            version = self.versions.get((one.entity_name or "", one.entity_version or ""))
            if version is None or version.info.status != READY:
                raise self.error(404, f"RESOURCE_DOES_NOT_EXIST: {one.entity_name}/{one.entity_version} is not ready")
        routes = (config.traffic_config.routes if config.traffic_config else None) or []
        shares = {route.served_model_name or "": route.traffic_percentage for route in routes}
        if set(shares) != {one.name or "" for one in entities} or sum(shares.values()) != 100:
            raise self.error(400, "the traffic of all served entities adds up to 100")
        return entities, shares

    def _change(self, endpoint: _Endpoint, config: tuple[list[serving.ServedEntityInput], dict[str, int]]) -> None:
        def effect() -> None:
            endpoint.failed = any(one.entity_version in self.broken for one in config[0])
            if not endpoint.failed:
                endpoint.config, endpoint.pending = config, None

        endpoint.pending, endpoint.failed = config, False
        endpoint.number += 1
        endpoint.update = Operation(self.slow, effect)

    @route("POST", "/api/2.0/serving-endpoints")
    def create_endpoint(self, request: Request) -> Any:
        body = request.json()
        if set(body) - {"name", "config", "tags"}:
            return self.error(400, f"not known: {sorted(body)}")
        name, tags = body["name"], [serving.EndpointTag.from_dict(tag) for tag in body.get("tags", [])]
        self._refuse_unknown(body.get("tags", []), [tag.as_dict() for tag in tags])
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", name):
            return self.error(400, "an endpoint's name has letters, digits, dashes and underscores")
        if name in self.endpoints:
            return self.error(400, f"Endpoint with name '{name}' already exists.", "RESOURCE_ALREADY_EXISTS")
        config = self._config({key: value for key, value in body["config"].items() if key != "name"}, name)
        endpoint = _Endpoint(name, f"{len(self.made):032x}", {tag.key: tag.value or "" for tag in tags}, self.unseen)
        self.endpoints[name] = endpoint
        self.access[endpoint.id] = [{"user_name": "owner@example.com", "permission_level": "CAN_MANAGE"}]
        self._change(endpoint, config)
        self.made.append(f"endpoint {name}")
        return self._detailed(endpoint)

    @route("GET", f"/api/2.0/serving-endpoints/(?P<name>{NAME})")
    def get_endpoint(self, _: Request, name: str) -> Any:
        endpoint = self._endpoint(name)
        endpoint.unseen -= 1
        if endpoint.unseen >= 0:
            return self.error(404, f"The given endpoint does not exist: {name}.")
        if endpoint.update is not None and endpoint.update.look():
            endpoint.update = None
        return self._detailed(endpoint)

    @route("PUT", f"/api/2.0/serving-endpoints/(?P<name>{NAME})/config")
    def update_config(self, request: Request, name: str) -> Any:
        endpoint = self._endpoint(name)
        if endpoint.update is not None:
            return self.error(409, f"Endpoint {name} has an update in progress.", "RESOURCE_CONFLICT")
        self._change(endpoint, self._config(request.json(), name))
        return self._detailed(endpoint)

    @route("PATCH", f"/api/2.0/serving-endpoints/(?P<name>{NAME})/tags")
    def patch_tags(self, request: Request, name: str) -> Any:
        endpoint, body = self._endpoint(name), request.json()
        if set(body) - {"add_tags", "delete_tags"}:
            return self.error(400, f"not known: {sorted(body)}")
        tags = [serving.EndpointTag.from_dict(tag) for tag in body.get("add_tags", [])]
        endpoint.tags |= {tag.key: tag.value or "" for tag in tags}
        return serving.EndpointTags([serving.EndpointTag(*pair) for pair in endpoint.tags.items()]).as_dict()

    @route("DELETE", f"/api/2.0/serving-endpoints/(?P<name>{NAME})")
    def delete_endpoint(self, _: Request, name: str) -> Any:
        self._endpoint(name)
        del self.endpoints[name]
        return {}

    @route("POST", f"/serving-endpoints/(?P<name>{NAME})/served-models/(?P<served>{NAME})/invocations")
    def invoke(self, request: Request, name: str, served: str) -> Any:
        endpoint, body = self._endpoint(name), request.json()
        entity = next((one for one in (endpoint.config or ([], {}))[0] if one.name == served), None)
        if entity is None or self.model is None:
            return self.error(404, f"The given served model does not exist: {served}.")
        if set(body) != {"dataframe_records"} or not isinstance(body["dataframe_records"], list):
            return self.error(400, "the input is no dataframe_records")
        files = self.versions[entity.entity_name or "", entity.entity_version or ""].files
        predictions = self.model(files)(body["dataframe_records"])
        return Answer(200, {"predictions": predictions}, {"Served-Model-Name": served})

    def _detailed(self, endpoint: _Endpoint) -> Any:
        update = serving.EndpointStateConfigUpdate
        state = serving.EndpointState(
            update.IN_PROGRESS if endpoint.update else update.UPDATE_FAILED if endpoint.failed else update.NOT_UPDATING,
            serving.EndpointStateReady.READY if endpoint.config else serving.EndpointStateReady.NOT_READY,
        )
        parts: dict[str, Any] = {}
        if endpoint.config is not None:
            entities, traffic = self._shown_config(endpoint.config, is_ready=True)
            parts["config"] = serving.EndpointCoreConfigOutput(
                config_version=endpoint.number, served_entities=entities, traffic_config=traffic
            )
        if endpoint.pending is not None:
            entities, traffic = self._shown_config(endpoint.pending, is_ready=False)
            parts["pending_config"] = serving.EndpointPendingConfig(
                config_version=endpoint.number + 1, served_entities=entities, traffic_config=traffic
            )
        tags = [serving.EndpointTag(key, value) for key, value in endpoint.tags.items()]
        return serving.ServingEndpointDetailed(
            name=endpoint.name, id=endpoint.id, state=state, tags=tags, creator="owner@example.com", **parts
        ).as_dict()

    def _shown_config(
        self, config: tuple[list[serving.ServedEntityInput], dict[str, int]], *, is_ready: bool
    ) -> tuple[list[serving.ServedEntityOutput], serving.TrafficConfig]:
        deployment = serving.ServedModelStateDeployment
        entities = []
        for one in config[0]:
            is_broken = one.entity_version in self.broken
            state = serving.ServedModelState(
                deployment.DEPLOYMENT_FAILED
                if is_broken
                else deployment.DEPLOYMENT_READY
                if is_ready
                else deployment.DEPLOYMENT_CREATING,
                "the container does not come up: No module named 'workbench'" if is_broken else "",
            )
            entities.append(serving.ServedEntityOutput.from_dict({**one.as_dict(), "state": state.as_dict()}))
        routes = [serving.Route(served_model_name=name, traffic_percentage=share) for name, share in config[1].items()]
        return entities, serving.TrafficConfig(routes)
