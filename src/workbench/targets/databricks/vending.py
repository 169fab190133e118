"""The ways for which Unity Catalog vends something: an address for one file, or credentials for the cloud's storage."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from workbench.secrets.redaction import remember
from workbench.targets.addresses import refuse_plain
from workbench.targets.databricks.registry import Registry
from workbench.targets.databricks.storage import SECONDS, Storage, open_storage
from workbench.targets.databricks.storage_errors import Forbidden, translated_storage
from workbench.targets.databricks.ways import CHUNK, Digest, Files, Way
from workbench.targets.databricks.workspace import Workspace

if TYPE_CHECKING:
    from requests import Response

__all__ = ["ways_to"]

MARGIN = 60
"""Seconds before their end at which credentials are taken for worn out."""


def ways_to(workspace: Workspace, registry: Registry, number: str, root: str, endpoint: str | None) -> list[Way]:
    """All of them for a version, in the order in which they are tried: first what MLflow's client would take.

    Args:
        root: the version's folder in the Files API.
        endpoint: another address of the cloud's storage.
    """
    files, vended = Files(workspace, root), Vended(workspace, registry, number, root, endpoint)
    return [files, vended] if registry.takes_files() else [vended, files]


class Vended:
    """The cloud's storage, by credentials or by signed addresses, whichever Unity Catalog gives.

    Credentials are asked for when they are needed, and again when they are worn out, or were refused once.
    """

    name = "the cloud's storage, by temporary credentials"

    def __init__(self, workspace: Workspace, registry: Registry, number: str, root: str, endpoint: str | None) -> None:
        self._workspace, self._registry, self._number, self._root = workspace, registry, number, root
        self._endpoint = endpoint
        self._opened: Storage | Signed | None = None
        self._until = 0.0

    def put(self, name: str, contents: BinaryIO, size: int) -> None:
        """Write a file."""

        def send(storage: Storage | Signed) -> None:
            contents.seek(0)
            storage.put(name, contents, size)

        self._twice(send)

    def read(self, name: str, into: Digest) -> None:
        """Read a file."""
        self._twice(lambda storage: storage.read(name, into))

    def close(self) -> None:
        """Let go of connections, and of the credentials."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _twice(self, action: Callable[[Storage | Signed], None]) -> None:
        is_new = self._opened is None
        try:
            action(self._storage())
        except Forbidden:
            if is_new:
                raise
            self.close()
            action(self._storage())

    def _storage(self) -> Storage | Signed:
        if self._opened is not None and time.time() > self._until:
            self.close()
        if self._opened is None:
            found = self._registry.credentials(self._number)
            kind = found.WhichOneof("credentials")
            for _, value in getattr(found, kind).ListFields() if kind else ():
                remember("UNITY_CATALOG_STORAGE", value)
            self._until = found.expiration_time / 1000 - MARGIN if found.expiration_time else float("inf")
            mode = found.DESCRIPTOR.fields_by_name["storage_mode"].enum_type.values_by_number[found.storage_mode].name
            if mode == "DEFAULT_STORAGE":
                self._opened = Signed(self._workspace, self._root)
            else:
                location = self._registry.location(self._number)
                self._opened = open_storage(found, location, self._workspace.where, self._endpoint)
        return self._opened


class Signed:
    """Addresses that the workspace signs, each for one file and a few minutes.

    Bodies and paths are those of ``FilesystemService`` of MLflow, as its ``PresignedUrlArtifactRepository`` sends them.
    """

    def __init__(self, workspace: Workspace, root: str) -> None:
        self._workspace, self._root = workspace, root

    def put(self, name: str, contents: BinaryIO, size: int) -> None:
        """Write a file."""
        self._send("upload", "PUT", name, contents if size else b"").close()

    def read(self, name: str, into: Digest) -> None:
        """Read a file."""
        with self._send("download", "GET", name, None) as answer, translated_storage("https", self._workspace.where):
            for chunk in answer.iter_content(CHUNK):
                into.write(chunk)

    def close(self) -> None:
        """Each call has a connection of its own."""

    def _send(self, what: str, method: str, name: str, body: Any) -> Response:
        import requests

        found = self._workspace.send("POST", f"/api/2.0/fs/create-{what}-url", {"path": f"{self._root}/{name}"})
        refuse_plain(str(found.get("url")), self._workspace.where)
        remember("UNITY_CATALOG_ADDRESS", urlsplit(found["url"]).query)
        headers = {one["name"]: one["value"] for one in found.get("headers", [])}
        with translated_storage("https", self._workspace.where):
            answer = requests.request(
                method,
                found["url"],
                data=body,
                headers=headers,
                timeout=SECONDS,
                stream=True,
                auth=lambda request: request,  # the address is the login; what ~/.netrc has is not for it
            )
            try:
                answer.raise_for_status()
            except requests.HTTPError:
                answer.close()  # its body is not read, and would hold the connection
                raise
        return answer
