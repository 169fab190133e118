"""Vertex AI: the Model Registry, endpoints, deployed models, traffic, and online prediction.

Which page each call follows is listed in docs/targets/vertex.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from double_service import Request, route
from gcs_double import Kept
from google.cloud import aiplatform_v1 as api
from vertex_jobs_double import VertexJobs
from vertex_operations_double import PARENT

__all__ = ["VertexDouble"]

MODEL = r"/v1/(?P<name>projects/[^/]+/locations/[^/]+/models/[a-z0-9_-]+)(?:(?:@|%40)(?P<version>[A-Za-z0-9-]+))?"
ENDPOINT = r"/v1/(?P<name>projects/[^/]+/locations/[^/]+/endpoints/[a-z0-9-]+)"
SCALE = {"dedicated_resources.min_replica_count", "dedicated_resources.max_replica_count"}

Rows = list[dict[str, Any]]
Container = Callable[[Mapping[str, bytes], Mapping[str, str]], Callable[[Rows], list[Any]]]


class VertexDouble(VertexJobs):
    """Models and endpoints of one project.

    Attributes:
        container: what the serving image does: takes the model's files and its environment, gives what predicts.
        unseen: how many looks a new thing stays invisible.
        wrong: added to each prediction of these versions, by the version's alias.
        made: kind and name of all that was made, in order.
    """

    def __init__(self, container: Container, bucket: str = "acme-models") -> None:
        super().__init__(bucket)
        self.container = container
        self.models: dict[str, list[Any]] = {}
        self.endpoints: dict[str, Any] = {}
        self.running: dict[tuple[str, str], Callable[[Rows], list[Any]]] = {}
        self.unseen = 0
        self.hidden: dict[str, int] = {}
        self.wrong: dict[str, float] = {}
        self.made: list[tuple[str, str]] = []
        self.etags = self.answers = 0

    # ---- Model Registry

    @route("POST", rf"{PARENT}/models:upload")
    def upload_model(self, request: Request, parent: str) -> Any:
        asked = self.parsed(api.UploadModelRequest, request.body)
        name = asked.parent_model or f"{parent}/models/{asked.model_id}"
        self._check_model(asked)
        if asked.parent_model and asked.parent_model not in self.models:
            return self.error(404, f"The model {asked.parent_model} does not exist.")
        if not asked.parent_model and (name in self.models or self.going_on(name)):
            return self.error(409, f"The model {name} already exists.")
        files = self._files(asked.model.artifact_uri)
        if not files:
            return self.error(400, f"There are no files under {asked.model.artifact_uri}.", "FAILED_PRECONDITION")

        def effect() -> Any:
            versions = self.models.setdefault(name, [])
            model = asked.model
            number = max((int(one.version_id) for one in versions), default=0) + 1
            taken = {alias for one in versions for alias in one.version_aliases}
            if taken & set(model.version_aliases):
                raise self.error(409, "Version alias already exists.")
            aliases = [*model.version_aliases, *([] if versions else ["default"])]
            model.name, model.version_id, model.version_aliases = name, str(number), aliases
            versions.append(model)
            self._new("model", f"{name}@{number}")
            return api.UploadModelResponse(model=name, model_version_id=str(number))

        return self.begin(request, name, "UploadModel", effect)

    def _check_model(self, asked: Any) -> None:
        if asked.model_id and not re.fullmatch(r"[a-z_][a-z0-9_-]{0,62}", asked.model_id):
            raise self.error(400, f"Invalid model ID {asked.model_id}.")
        for alias in asked.model.version_aliases:
            if not re.fullmatch(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]", alias):
                raise self.error(400, f"Invalid alias {alias}.")
        if not asked.model.display_name or not asked.model.container_spec.image_uri:
            raise self.error(400, "display_name and container_spec.image_uri are required.")
        self.check_labels(asked.model.labels)

    @route("GET", MODEL)
    def get_model(self, request: Request, name: str, version: str = "default") -> Any:
        return self.plain(request, self._version(name, version))

    @route("GET", rf"{MODEL}:listVersions")
    def list_versions(self, request: Request, name: str) -> Any:
        if name not in self.models:
            return self.error(404, f"The model {name} does not exist.")
        shown = [one for one in self.models[name] if not self._is_hidden(f"{name}@{one.version_id}")]
        return self.plain(request, api.ListModelVersionsResponse(models=shown))

    @route("POST", rf"{MODEL}:mergeVersionAliases")
    def merge_aliases(self, request: Request, name: str, version: str) -> Any:
        asked = self.parsed(api.MergeVersionAliasesRequest, request.body)
        own = self._version(name, version)
        for alias in asked.version_aliases:
            for one in self.models[name]:
                if alias.lstrip("-") in one.version_aliases:
                    one.version_aliases.remove(alias.lstrip("-"))
            if not alias.startswith("-"):
                own.version_aliases.append(alias)
        return self.plain(request, own)

    @route("DELETE", rf"{MODEL}:deleteVersion")
    def delete_version(self, request: Request, name: str, version: str) -> Any:
        own = self._version(name, version)
        if "default" in own.version_aliases:
            return self.error(400, "The default version cannot be deleted.", "FAILED_PRECONDITION")
        self._refuse_deployed(name, {own.version_id})
        self.refuse_second(name, "Model")
        return self.begin(request, name, "Delete", lambda: self._drop(name, own))

    @route("DELETE", MODEL)
    def delete_model(self, request: Request, name: str) -> Any:
        versions = self._versions(name)
        self._refuse_deployed(name, {one.version_id for one in versions})
        self.refuse_second(name, "Model")
        return self.begin(request, name, "Delete", lambda: self.models.pop(name, None) and None)

    def _drop(self, name: str, own: Any) -> None:
        self.models[name] = [one for one in self.models[name] if one.version_id != own.version_id]

    def _refuse_deployed(self, name: str, ids: set[str]) -> None:
        for endpoint in self.endpoints.values():
            for one in endpoint.deployed_models:
                if one.model.partition("@")[0] == name and one.model_version_id in ids:
                    raise self.error(400, "The model version is deployed.", "FAILED_PRECONDITION")

    def _versions(self, name: str) -> list[Any]:
        if not self.models.get(name):
            raise self.error(404, f"The model {name} does not exist.")
        return self.models[name]

    def _version(self, name: str, version: str) -> Any:
        found = [one for one in self._versions(name) if version in {one.version_id, *one.version_aliases}]
        if not found or self._is_hidden(f"{name}@{found[0].version_id}"):
            raise self.error(404, f"The model {name}@{version} does not exist.")
        return found[0]

    # ---- Endpoints

    @route("POST", rf"{PARENT}/endpoints")
    def create_endpoint(self, request: Request, parent: str) -> Any:
        endpoint = self.parsed(api.Endpoint, request.body)
        identifier = request.query.get("endpointId", "")
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}", identifier):
            return self.error(400, f"Invalid endpoint ID {identifier}.")
        name = f"{parent}/endpoints/{identifier}"
        self.check_labels(endpoint.labels)
        if not endpoint.display_name or endpoint.deployed_models:
            return self.error(400, "display_name is required, and deployed_models is output only.")
        if name in self.endpoints or self.going_on(name):
            return self.error(409, f"The endpoint {name} already exists.")

        def effect() -> Any:
            endpoint.name = name
            self.endpoints[name] = endpoint
            self._touch(endpoint)
            self._new("endpoint", name)
            return endpoint

        return self.begin(request, name, "CreateEndpoint", effect)

    @route("GET", ENDPOINT)
    def get_endpoint(self, request: Request, name: str) -> Any:
        endpoint = self._endpoint(name)
        if self._is_hidden(name):
            return self.error(404, f"The endpoint {name} does not exist.")
        shown = api.Endpoint.wrap(type(api.Endpoint.pb(endpoint)).FromString(api.Endpoint.serialize(endpoint)))
        shown.deployed_models = [one for one in endpoint.deployed_models if not self._is_hidden(f"{name}#{one.id}")]
        return self.plain(request, shown)

    @route("PATCH", ENDPOINT)
    def update_endpoint(self, request: Request, name: str) -> Any:
        asked, endpoint = self.parsed(api.Endpoint, request.body), self._endpoint(name)
        if request.query.get("updateMask") != "trafficSplit":
            return self.error(400, f"This double updates the traffic alone, not {request.query.get('updateMask')}.")
        if asked.etag and asked.etag != endpoint.etag:
            return self.error(409, "The etag does not match.", "ABORTED")
        self._check_split(endpoint, asked.traffic_split)
        endpoint.traffic_split = dict(asked.traffic_split)
        self._touch(endpoint)
        return self.plain(request, endpoint)

    @route("DELETE", ENDPOINT)
    def delete_endpoint(self, request: Request, name: str) -> Any:
        if self._endpoint(name).deployed_models:
            return self.error(400, "The endpoint has deployed models.", "FAILED_PRECONDITION")
        self.refuse_second(name, "Endpoint")
        return self.begin(request, name, "Delete", lambda: self.endpoints.pop(name, None) and None)

    @route("POST", rf"{ENDPOINT}:deployModel")
    def deploy(self, request: Request, name: str) -> Any:
        asked, endpoint = self.parsed(api.DeployModelRequest, request.body), self._endpoint(name)
        deployed = asked.deployed_model
        self._check_deployed(deployed)
        self.refuse_second(name, "Endpoint")
        if deployed.id in {one.id for one in endpoint.deployed_models}:
            return self.error(409, f"DeployedModel {deployed.id} already exists.")
        model, _, version = deployed.model.partition("@")
        own = self._version(model, version or "default")
        if asked.traffic_split:
            return self.error(400, "This double gives traffic by updateEndpoint alone.")

        def effect() -> Any:
            environment = {one.name: one.value for one in own.container_spec.env}
            self.running[name, deployed.id] = self.container(self._files(own.artifact_uri), environment)
            deployed.model, deployed.model_version_id = model, own.version_id
            endpoint.deployed_models.append(deployed)
            self._touch(endpoint)
            self._new("deployed model", f"{name}#{deployed.id}")
            return api.DeployModelResponse(deployed_model=deployed)

        return self.begin(request, name, "DeployModel", effect)

    def _check_deployed(self, deployed: Any) -> None:
        resources = deployed.dedicated_resources
        if not re.fullmatch(r"[0-9]{1,10}", deployed.id):
            raise self.error(400, f"Invalid DeployedModel ID {deployed.id}.")
        if not resources.machine_spec.machine_type or resources.min_replica_count < 1:
            raise self.error(400, "dedicated_resources need a machine_type and a min_replica_count of 1 or more.")
        if resources.max_replica_count and resources.max_replica_count < resources.min_replica_count:
            raise self.error(400, "max_replica_count is below min_replica_count.")

    @route("POST", rf"{ENDPOINT}:undeployModel")
    def undeploy(self, request: Request, name: str) -> Any:
        asked, endpoint = self.parsed(api.UndeployModelRequest, request.body), self._endpoint(name)
        self.refuse_second(name, "Endpoint")
        own = self._deployed(endpoint, asked.deployed_model_id)
        if endpoint.traffic_split.get(own.id) and len(endpoint.deployed_models) > 1:
            return self.error(400, f"DeployedModel {own.id} has traffic.", "FAILED_PRECONDITION")

        def effect() -> Any:
            endpoint.deployed_models = [one for one in endpoint.deployed_models if one.id != own.id]
            if not endpoint.deployed_models:
                endpoint.traffic_split = {}
            self._touch(endpoint)
            return api.UndeployModelResponse()

        return self.begin(request, name, "UndeployModel", effect)

    @route("POST", rf"{ENDPOINT}:mutateDeployedModel")
    def mutate(self, request: Request, name: str) -> Any:
        asked, endpoint = self.parsed(api.MutateDeployedModelRequest, request.body), self._endpoint(name)
        own = self._deployed(endpoint, asked.deployed_model.id)
        self.refuse_second(name, "Endpoint")
        if not set(asked.update_mask.paths) <= SCALE:
            return self.error(400, f"Only replica counts can be mutated, not {', '.join(asked.update_mask.paths)}.")

        def effect() -> Any:
            wanted = asked.deployed_model.dedicated_resources
            own.dedicated_resources.min_replica_count = wanted.min_replica_count
            own.dedicated_resources.max_replica_count = wanted.max_replica_count
            return api.MutateDeployedModelResponse(deployed_model=own)

        return self.begin(request, name, "MutateDeployedModel", effect)

    @route("POST", rf"{ENDPOINT}:predict")
    def predict(self, request: Request, name: str) -> Any:
        endpoint = self._endpoint(name)
        wheel = [one for one, share in sorted(endpoint.traffic_split.items()) for _ in range(share)]
        if not wheel:
            return self.error(404, f"Endpoint {name} has no deployed model with traffic.")
        # The answers of a hundred requests are split exactly.
        self.answers = (self.answers + 37) % 100
        own = self._deployed(endpoint, wheel[self.answers])
        asked = self.plain(request, self.parsed(api.PredictRequest, request.body))
        wrong = self.wrong.get(own.display_name, 0.0)
        said = [_wrong(one, wrong) for one in self.running[name, own.id](asked["instances"])]
        answer = {"predictions": said, "deployedModelId": own.id, "model": own.model}
        return answer | {"modelVersionId": own.model_version_id, "modelDisplayName": own.display_name}

    def _deployed(self, endpoint: Any, identifier: str) -> Any:
        found = next((one for one in endpoint.deployed_models if one.id == identifier), None)
        if found is None:
            raise self.error(404, f"DeployedModel {identifier} does not exist.")
        return found

    def _check_split(self, endpoint: Any, split: Mapping[str, int]) -> None:
        if split and sum(split.values()) != 100:
            raise self.error(400, "The traffic percentages must add up to 100.")
        unknown = set(split) - {one.id for one in endpoint.deployed_models}
        if unknown:
            raise self.error(400, f"traffic_split names unknown deployed models: {', '.join(sorted(unknown))}.")

    def _endpoint(self, name: str) -> Any:
        if name not in self.endpoints:
            raise self.error(404, f"The endpoint {name} does not exist.")
        return self.endpoints[name]

    # ---- batch prediction

    def works(self, kind: str, job: Any) -> None:
        """The version predicts what lies in the bucket; two files, as two replicas would write."""
        super().works(kind, job)
        if kind != "batchPredictionJobs":
            return
        model, _, version = job.model.partition("@")
        own = self._version(model, version or "default")
        predict = self.container(self._files(own.artifact_uri), {one.name: one.value for one in own.container_spec.env})
        _, _, name = job.input_config.gcs_source.uris[0].removeprefix("gs://").partition("/")
        rows = [json.loads(line) for line in self.objects[name].content.splitlines()]
        said = [json.dumps({"instance": row, "prediction": one}) for row, one in zip(rows, predict(rows), strict=True)]
        _, _, prefix = job.output_config.gcs_destination.output_uri_prefix.removeprefix("gs://").partition("/")
        for part, lines in enumerate((said[: len(said) // 2], said[len(said) // 2 :])):
            content = "".join(line + "\n" for line in lines).encode()
            target = f"{prefix}/prediction-{own.display_name}/prediction.results-0000{part}-of-00002"
            self.generations += 1
            self.objects[target] = Kept(content, self.generations)

    # ---- what they share

    def _files(self, uri: str) -> dict[str, bytes]:
        bucket, _, prefix = uri.removeprefix("gs://").partition("/")
        prefix = prefix.rstrip("/") + "/"
        found = self.objects.items() if bucket == self.bucket else ()
        return {name.removeprefix(prefix): kept.content for name, kept in found if name.startswith(prefix)}

    def _new(self, kind: str, name: str) -> None:
        self.made.append((kind, name.rpartition("/")[2]))
        self.hidden[name] = self.unseen

    def _is_hidden(self, name: str) -> bool:
        left = self.hidden.get(name, 0)
        self.hidden[name] = max(0, left - 1)
        return left > 0

    def _touch(self, endpoint: Any) -> None:
        self.etags += 1
        endpoint.etag = f"AMEw9y{self.etags}"


def _wrong(said: Any, by: float) -> Any:
    """A prediction that is off by so much."""
    if not by:
        return said
    return {name: value + by if isinstance(value, float) else value for name, value in said.items()}
