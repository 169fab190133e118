"""The part of the Databricks double where a version's files are: at ``/Models``, at signed addresses, in a cloud's storage.

- ``/api/2.0/fs/files``: https://docs.databricks.com/api/workspace/files/upload
- ``/api/2.0/fs/create-upload-url``, ``create-download-url``: ``FilesystemService`` of MLflow (``mlflow.protos``)
- ``…/model-versions/generate-temporary-credentials``: ``UcModelRegistryService`` of MLflow
"""

from __future__ import annotations

import re
import secrets
from typing import Any, Protocol

from double_service import Answer, Request, Service, route
from google.protobuf import json_format
from mlflow.protos import databricks_filesystem_service_pb2 as fs
from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

__all__ = ["SIGNED", "FilesDouble", "Vault"]

MODELS = "/api/2.0/mlflow/unity-catalog"
SIGNED = "/signed/"


class Vault(Protocol):
    """A cloud's storage of which a workspace vends credentials."""

    def location(self, prefix: str) -> str:
        """Where files below a prefix lie."""
        ...

    def vend(self, prefix: str) -> uc.TemporaryCredentials:
        """Credentials for them."""
        ...

    def files(self, prefix: str) -> dict[str, bytes]:
        """Those there are."""
        ...


class FilesDouble(Service):
    """Files of versions.

    Attributes:
        says_files: whether the workspace says that it takes files at ``/Models``; None knows no such question.
        takes_files: whether it does.
        vends: whether it gives credentials and signed addresses.
        vault: where files lie; without one, they lie at Databricks, and addresses are signed.
    """

    versions: dict[tuple[str, str], Any]

    def __init__(self) -> None:
        super().__init__()
        self.says_files: bool | None = True
        self.takes_files, self.vends = True, True
        self.vault: Vault | None = None
        self.vended = 0
        self._signed: dict[str, tuple[str, str]] = {}

    def _version(self, name: str, number: str) -> Any:
        raise NotImplementedError

    def _message(self, request: Request, kind: str) -> Any:
        raise NotImplementedError

    def _written(self, kind: str, **fields: Any) -> Any:
        raise NotImplementedError

    def _prefix(self, name: str, number: str) -> str:
        """A version's folder has a name that nobody could guess, as Unity Catalog's have."""
        return f"models/{name}/versions/{number}-0b7f"

    def _location(self, name: str, number: str) -> str:
        return f"dbfs:/double/{number}" if self.vault is None else self.vault.location(self._prefix(name, number))

    @route("GET", f"{MODELS}/registered-models:is-databricks-sdk-models-artifact-repository-enabled")
    def is_enabled(self, _: Request) -> Any:
        if self.says_files is None:
            return self.error(404, "No API found", "ENDPOINT_NOT_FOUND")
        said = {"is_databricks_sdk_models_artifact_repository_enabled": self.says_files}
        return self._written("IsDatabricksSdkModelsArtifactRepositoryEnabled", **said)

    @route("POST", f"{MODELS}/model-versions/generate-temporary-credentials")
    def vend(self, request: Request) -> Any:
        asked = self._message(request, "GenerateTemporaryModelVersionCredentials")
        version = self._version(asked.name, asked.version)
        wanted = {uc.MODEL_VERSION_OPERATION_READ, uc.MODEL_VERSION_OPERATION_READ_WRITE}
        if not self.vends or asked.operation not in wanted:
            return self.error(403, "User does not have the right to vend.", "PERMISSION_DENIED")
        if asked.operation == uc.MODEL_VERSION_OPERATION_READ_WRITE and version.info.status != uc.PENDING_REGISTRATION:
            return self.error(400, "the version is finished")
        self.vended += 1
        found = uc.TemporaryCredentials(storage_mode=uc.DEFAULT_STORAGE)
        if self.vault is not None:
            found = self.vault.vend(self._prefix(asked.name, asked.version))
        return self._written("GenerateTemporaryModelVersionCredentials", credentials=found)

    # ---- at /Models

    def _files(self, path: str) -> tuple[Any, str]:
        match = re.fullmatch(r"/Models/([^/]+)/([^/]+)/([^/]+)/([0-9]+)/(.*)", path)
        if match is None or ".." in path.split("/"):
            raise self.error(400, f"{path} is no file of a model")
        return self._version(".".join(match.group(1, 2, 3)), match[4]), match[5]

    @route("PUT", "/api/2.0/fs/files(?P<path>/.*)")
    def put_file(self, request: Request, path: str) -> Any:
        self._open()
        version, name = self._files(path)
        if version.info.status != uc.PENDING_REGISTRATION:
            return self.error(400, "the version is finished")
        if name in version.files and request.query.get("overwrite") != "true":
            return self.error(409, "the file is there", "ALREADY_EXISTS")
        version.files[name] = request.body
        return Answer(204)

    @route("GET", "/api/2.0/fs/files(?P<path>/.*)")
    def get_file(self, _: Request, path: str) -> Any:
        self._open()
        return self._got(*self._files(path))

    @route("GET", "/api/2.0/fs/directories(?P<path>/.*)")
    def list_folder(self, _: Request, path: str) -> Any:
        version, name = self._files(f"{path.rstrip('/')}/")
        below = name.lstrip("/")
        inside = [name.removeprefix(below) for name in version.files if name.startswith(below)]
        if not inside:
            return self.error(404, f"{path} is no directory", "NOT_FOUND")
        root = path.rstrip("/")
        files = [{"path": f"{root}/{name}", "is_directory": False} for name in inside if "/" not in name]
        folders = sorted({name.partition("/")[0] for name in inside if "/" in name})
        found = files + [{"path": f"{root}/{name}", "is_directory": True} for name in folders]
        listed = json_format.ParseDict({"contents": found}, fs.ListDirectoryResponse())
        return json_format.MessageToDict(listed, preserving_proto_field_name=True)

    def _open(self) -> None:
        if not self.takes_files:
            raise self.error(400, "Invalid path: unsupported first path component: Models", "BAD_REQUEST")

    def _got(self, version: Any, name: str) -> Any:
        if name not in version.files:
            return self.error(404, f"{name} is not there", "NOT_FOUND")
        return Answer(200, version.files[name], {"Content-Type": "application/octet-stream"})

    # ---- at signed addresses

    @route("POST", "/api/2.0/fs/create-(?P<what>upload|download)-url")
    def sign(self, request: Request, what: str) -> Any:
        asked = json_format.ParseDict(request.json(), getattr(fs, f"Create{what.title()}UrlRequest")())
        self._files(asked.path)
        key = secrets.token_hex(8)
        self._signed[key] = ("PUT" if what == "upload" else "GET", asked.path)
        headers = [{"name": "x-ms-blob-type", "value": "BlockBlob"}] if what == "upload" else []
        return {"url": f"{self.address}{SIGNED}file?sig={key}", "headers": headers}

    def _of_signature(self, request: Request) -> tuple[Any, str]:
        method, path = self._signed.get(request.query.get("sig", ""), ("", ""))
        if method != request.method or "authorization" in request.headers:
            raise Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>", {"Content-Type": "application/xml"})
        return self._files(path)

    @route("PUT", f"{SIGNED}file")
    def put_signed(self, request: Request) -> Any:
        version, name = self._of_signature(request)
        if request.headers.get("x-ms-blob-type") != "BlockBlob":
            return Answer(400, b"a header is missing")
        if "content-length" not in request.headers:
            return Answer(411, b"MissingContentLength")  # as S3 and Azure say of a body in chunks
        version.files[name] = request.body
        return Answer(201)

    @route("GET", f"{SIGNED}file")
    def get_signed(self, request: Request) -> Any:
        return self._got(*self._of_signature(request))
