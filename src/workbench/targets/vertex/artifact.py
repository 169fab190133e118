"""The files of a release in the client's bucket, and a manifest of them.

``workbench/<client>/v<n>/manifest.json`` is written before the first file and removed after the last, so whatever an
upload or a removal that was cut off has left is found by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.errors import TargetError
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release
from workbench.targets.versioned import OfVersion
from workbench.targets.vertex.objects import Local, Objects, files_of
from workbench.targets.vertex.services import Services

__all__ = ["Artifact", "folder_of"]

MANIFEST = "manifest.json"


def folder_of(client: str, version: int | None = None) -> str:
    """Where a client's releases are in its bucket, or one of them; ends with a slash."""
    return f"workbench/{client}/" if version is None else f"workbench/{client}/v{version}/"


@dataclass(frozen=True)
class Artifact(OfVersion):
    """The uploaded files of one version."""

    services: Services
    release: Release

    kind = "artifact"

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """The release's digest, and that all files are there as they were sent."""
        return {"sha256": self.release.sha256, "complete": True}

    @property
    def address(self) -> str:
        """Of the folder, for the Model Registry."""
        return f"gs://{self.services.settings.bucket}/{self._folder}artifact"

    @property
    def _folder(self) -> str:
        return folder_of(self.release.client, self.release.version)

    @property
    def _objects(self) -> Objects:
        return Objects(self.services)

    def find(self) -> Found | None:
        """The manifest; ``complete`` says whether the files are what it says."""
        there = self._objects.below(self._folder)
        stored = there.pop(MANIFEST, None)
        if stored is None:
            self._refuse_anothers(there)
            return None
        manifest = self._objects.content(stored)
        files: Mapping[str, Any] = {f"artifact/{path}": file for path, file in manifest["files"].items()}
        complete = set(there) == set(files) and all(there[path].is_of(files[path]) for path in files)
        facts: dict[str, Fact] = {"sha256": manifest["sha256"], "complete": complete}
        return Found(self.address, facts, stored.metadata)

    def create(self) -> str:
        """Write the manifest, and upload what is not there yet."""
        self._bring()
        return ""

    def change(self, found: Found) -> str:
        """Upload what is missing or otherwise, and remove what does not belong there."""
        self._bring()
        return ""

    def delete(self, found: Found) -> str:
        """Remove the files, and the manifest last."""
        there = self._objects.below(self._folder)
        for name in sorted(there, key=lambda name: (name == MANIFEST, name)):
            self._objects.delete(there[name])
        return ""

    def poll(self, operation: str) -> Doing:
        """There is nothing to wait for."""
        return Doing(True)

    def _bring(self) -> None:
        files = files_of(self.release.artifact)
        if not files:
            raise TargetError(
                f"there are no files of version {self.version}",
                where=f"client {self.release.client}",
                hint="remove its folder under models/, and it is copied from the registry again",
            )
        labels, there = self.release.labels, self._objects.below(self._folder)
        written = there.pop(MANIFEST, None)
        self._refuse_anothers(there)
        manifest = {"sha256": self.release.sha256, "files": {path: _facts(file) for path, file in files.items()}}
        # Of two writes the second is refused, so nothing is replaced that was not looked at.
        if written is None or self._objects.content(written) != manifest:
            before = written.generation if written else 0
            self._objects.write(self._folder + MANIFEST, manifest, generation=before, metadata=labels)
        for path, file in files.items():
            known = there.pop(f"artifact/{path}", None)
            if known is None or not known.is_of(_facts(file)):
                name = f"{self._folder}artifact/{path}"
                self._objects.upload(name, file, generation=known.generation if known else 0, metadata=labels)
        for stranger in there.values():
            self._objects.delete(stranger)

    def _refuse_anothers(self, there: Mapping[str, Any]) -> None:
        if any(stored.metadata.get("client") != self.release.client for stored in there.values()):
            raise TargetError(
                f"gs://{self.services.settings.bucket}/{self._folder} holds files that are not this client's",
                where=f"client {self.release.client}, {self.services.where}",
                hint="remove them, or take another bucket; nothing of them was changed",
            )


def _facts(file: Local) -> dict[str, Any]:
    return {name: value for name, value in asdict(file).items() if name != "path"}
