"""A version's files: sent, read back and compared, one a step, so that a broken upload goes on where it was.

Unity Catalog keeps a model's files under ``/Models/<catalog>/<schema>/<model>/<number>``, where the Files API writes
them, as MLflow's ``DatabricksSDKModelsArtifactRepository`` does
(https://docs.databricks.com/api/workspace/files/upload).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from workbench.errors import ModelError, Unreachable
from workbench.files import sha256_of_file, sha256_of_folder
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.release import Release

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Upload", "checked", "with_wheel"]

CHUNK = 1 << 20


class Upload:
    """The files of one release on their way to one version.

    Args:
        folder: the release's artifact.
        root: where they go, without a slash at its end.
        instead: by name, what is sent in the place of a file.
    """

    def __init__(self, workspace: Workspace, folder: Path, root: str, instead: Mapping[str, bytes]) -> None:
        self._workspace, self._folder, self._root, self._instead = workspace, folder, root, instead
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
        changed = self._instead.get(name)
        wanted = sha256_of_file(self._folder / name) if changed is None else hashlib.sha256(changed).hexdigest()
        if self._kept(name) != wanted:
            self._workspace.call(lambda client: self._send(client, name))
            if self._kept(name) != wanted:
                raise Unreachable(f"{name} came back otherwise than it was sent", where=self._workspace.where)
        self._seen.add(name)
        return len(self._seen) == len(self._names)

    def _send(self, client: WorkspaceClient, name: str) -> None:
        changed = self._instead.get(name)
        with (self._folder / name).open("rb") if changed is None else io.BytesIO(changed) as contents:
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


def with_wheel(artifact: Path, wheel: str | None) -> dict[str, bytes]:
    """The files that say what the model's container installs, with one wheel more: by name, as they are to be sent.

    The container is built from them, and the model's loader is in this project's wheel.
    https://docs.databricks.com/aws/en/machine-learning/model-serving/private-libraries-model-serving

    Args:
        artifact: the release's.
        wheel: where it lies at the workspace; None changes nothing.
    """
    requirements, conda = artifact / "requirements.txt", artifact / "conda.yaml"
    if wheel is None:
        return {}
    changed = {}
    if requirements.is_file():
        changed[requirements.name] = f"{requirements.read_text(encoding='utf-8').rstrip()}\n{wheel}\n".encode()
    if conda.is_file():
        content = yaml.safe_load(conda.read_text(encoding="utf-8"))
        for entry in content.get("dependencies", []):
            if isinstance(entry, dict) and "pip" in entry:
                entry["pip"] = [*entry["pip"], wheel]
        changed[conda.name] = yaml.safe_dump(content, sort_keys=False).encode()
    return changed
