"""The ways by which a version's files get to where Unity Catalog keeps them.

MLflow's client knows three (``mlflow.store._unity_catalog.registry.rest_store``, ``_get_artifact_repo``), and so does
this: the Files API at ``/Models``, where the workspace says that it takes them; addresses that the workspace signs for
one file, where the storage is Databricks' own; else credentials for the cloud's storage, for a while and one folder.
A workspace may say one thing and take another, so a way that is refused gives place to the next.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from workbench.targets.databricks.workspace import Workspace

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["CHUNK", "Digest", "Files", "Way"]

CHUNK = 1 << 20


class Digest:
    """Takes what is written to it, and keeps no more of it than its sha256."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        """Take some more."""
        self._digest.update(chunk)
        return len(chunk)

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._digest.hexdigest()


class Way(Protocol):
    """One of them, for the files of one version.

    Attributes:
        name: for messages.
    """

    name: str

    def put(self, name: str, contents: BinaryIO, size: int) -> None:
        """Write a file, as a whole.

        Raises:
            Unreachable: it may pass.
            TargetError: this way is closed.
        """
        ...

    def read(self, name: str, into: Digest) -> None:
        """Read a file.

        Raises:
            Missing: there is none.
            Forbidden: the credentials are not good for it.
            Unreachable, TargetError: as :meth:`put`.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Files:
    """The Files API, as MLflow's ``DatabricksSDKModelsArtifactRepository`` has it.

    https://docs.databricks.com/api/workspace/files/upload

    Args:
        root: ``/Models/<catalog>/<schema>/<model>/<number>``.
    """

    name = "files at /Models"

    def __init__(self, workspace: Workspace, root: str) -> None:
        self._workspace, self._root = workspace, root

    def put(self, name: str, contents: BinaryIO, size: int) -> None:
        """Upload it."""

        def send(client: WorkspaceClient) -> None:
            contents.seek(0)  # it may be the second attempt, with a new login
            client.files.upload(f"{self._root}/{name}", contents, overwrite=True)

        self._workspace.call(send)

    def read(self, name: str, into: Digest) -> None:
        """Download it."""

        def fetch(client: WorkspaceClient) -> None:
            answer: Any = client.files.download(f"{self._root}/{name}")
            with answer.contents as contents:
                while chunk := contents.read(CHUNK):
                    into.write(chunk)

        self._workspace.call(fetch)

    def close(self) -> None:
        """The workspace keeps its connections."""
