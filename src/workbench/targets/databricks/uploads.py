"""A version's files: sent, read back and compared, one a step, so that a broken upload goes on where it was.

Unity Catalog keeps a model's files under ``/Models/<catalog>/<schema>/<model>/<number>``, where the Files API writes
them, as MLflow's ``DatabricksSDKModelsArtifactRepository`` does
(https://docs.databricks.com/api/workspace/files/upload).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError, Unreachable
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.release import Release

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Upload", "checked"]

CHUNK = 1 << 20


class Upload:
    """The files of one release on their way to one version.

    Args:
        folder: the release's artifact.
        root: where they go, without a slash at its end.
    """

    def __init__(self, workspace: Workspace, folder: Path, root: str) -> None:
        self._workspace, self._folder, self._root = workspace, folder, root
        self._names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        self._seen: set[str] = set()

    @property
    def share(self) -> float:
        """How many of them are there, from 0 to 1."""
        return len(self._seen) / len(self._names)

    def step(self) -> bool:
        """See to one file; whether all are there.

        It is read back before it is sent: what an earlier run has sent is not sent again.

        Raises:
            Unreachable: what came back is not what was sent.
        """
        name = next((name for name in self._names if name not in self._seen), None)
        if name is None:
            return True
        wanted = sha256_of_file(self._folder / name)
        if self._kept(name) != wanted:
            self._workspace.call(lambda client: self._send(client, name))
            if self._kept(name) != wanted:
                raise Unreachable(f"{name} came back otherwise than it was sent", where=self._workspace.where)
        self._seen.add(name)
        return len(self._seen) == len(self._names)

    def _send(self, client: WorkspaceClient, name: str) -> None:
        with (self._folder / name).open("rb") as contents:
            client.files.upload(self._path(name), contents, overwrite=True)

    def _kept(self, name: str) -> str | None:
        """The sha256 of the file as it is there; None if there is none."""

        def read(client: WorkspaceClient) -> str:
            digest = hashlib.sha256()
            answer: Any = client.files.download(self._path(name))
            with answer.contents as contents:
                while chunk := contents.read(CHUNK):
                    digest.update(chunk)
            return digest.hexdigest()

        try:
            return self._workspace.call(read)
        except Missing:
            return None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def checked(release: Release) -> Path:
    """The folder of a release, after it was compared with the digest that was registered.

    Raises:
        ModelError: it is missing, or another.
    """
    where = f"client {release.client}, model version {release.version}"
    if not release.folder.is_dir():
        raise ModelError(f"its folder {release.folder} is missing", where=where)
    if sha256_of_folder(release.folder) != release.sha256:
        raise ModelError("its files are not those that were registered (sha256 differs)", where=where)
    return release.artifact
