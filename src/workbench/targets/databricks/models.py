"""The model, and a release as a version of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from workbench.errors import Gone, TargetError, Unreachable
from workbench.targets.databricks.access import Privileges
from workbench.targets.databricks.errors import Missing
from workbench.targets.databricks.names import SHA256, entry_tags, is_of, model_tags, path_of
from workbench.targets.databricks.registry import Entry, Registry
from workbench.targets.databricks.uploads import Upload, checked, with_wheel
from workbench.targets.databricks.vending import ways_to
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release

__all__ = ["ModelPart", "VersionPart", "Versions"]

CHAMPION, CHALLENGER = "champion", "challenger"
PENDING, READY, FAILED = "PENDING_REGISTRATION", "READY", "FAILED_REGISTRATION"


@dataclass(frozen=True)
class ModelPart:
    """The registered model that holds all versions."""

    registry: Registry
    client: str
    privileges: Privileges
    kind: str = "model"
    version: int | None = None

    @property
    def name(self) -> str:
        """``catalog.schema.model``."""
        return self.registry.name

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """Who may use it, if the configuration says so."""
        return self.privileges.wanted

    def find(self) -> Found | None:
        """The model."""
        model = self.registry.model()
        return None if model is None else Found(model.name, self.privileges.facts(), model.tags)

    def create(self) -> str:
        """Make it, and say who may use it."""
        self.registry.create_model(f"Made by the workbench for client {self.client}.", model_tags(self.client))
        return ""

    def change(self, found: Found) -> str:
        """Grant what is missing, and take away what nobody may have any more."""
        self.privileges.settle()
        return ""

    def delete(self, found: Found) -> str:
        """Take it down; its versions are gone by then."""
        with suppress(Missing):
            self.registry.delete_model()
        return ""

    def poll(self, operation: str) -> Doing:
        """Nothing of it takes time."""
        raise Gone(f"operation {operation} is not known")


class Versions:
    """Which version in Unity Catalog is which release, and the uploads that this process has begun."""

    def __init__(
        self,
        workspace: Workspace,
        registry: Registry,
        client: str,
        wheel: str | None = None,
        storage_address: str | None = None,
    ) -> None:
        self.workspace, self.registry, self.client, self.wheel = workspace, registry, client, wheel
        self.storage_address = storage_address
        self.uploads: dict[str, Upload] = {}

    def close(self) -> None:
        """Let go of what uploads hold."""
        for upload in self.uploads.values():
            upload.close()
        self.uploads.clear()

    def of(self, version: int) -> list[Entry]:
        """The versions that are this release, the best first: one is ready, or was begun first."""
        mine = [entry for entry in self.registry.entries() if is_of(entry.tags, self.client, version)]
        return sorted(mine, key=lambda entry: (entry.status != READY, entry.status == FAILED, int(entry.number)))

    def number(self, version: int) -> str:
        """The number of a release that is ready.

        Raises:
            TargetError: there is none.
        """
        found = self.of(version)
        if not found or found[0].status != READY:
            raise TargetError(
                f"version {version} is not in Unity Catalog, or not ready there",
                where=self.workspace.where,
                hint=f"`kedro deploy apply --env clients/{self.client} --version {version}` for this target",
            )
        return found[0].number

    def move_aliases(self, traffic: Mapping[int, int]) -> None:
        """Let the champion be the version with most of the traffic, and the challenger the one with the rest of it."""
        order = sorted(traffic, key=lambda version: -traffic[version])
        model = self.registry.model()
        if model is None:
            raise Unreachable(f"model {self.registry.name} is not seen", where=self.workspace.where)
        for alias, version in ((CHAMPION, order[0]), (CHALLENGER, order[1] if len(order) > 1 else None)):
            number = None if version is None else self.number(version)
            if number is not None and model.aliases.get(alias) != number:
                self.registry.set_alias(alias, number)
            elif number is None and alias in model.aliases:
                self.registry.delete_alias(alias)

    def releases(self) -> list[int]:
        """The releases that there are, ready or not."""
        tags = [entry.tags for entry in self.registry.entries() if entry.tags.get("client") == self.client]
        found = [text for one in tags if (text := one.get("workbench_version", "")).isdecimal()]
        return sorted({int(text) for text in found})


@dataclass(frozen=True)
class VersionPart:
    """A release in Unity Catalog: begun, its files uploaded and read back, then finished.

    A version that an interrupted run has left half-way is found as what it is, and :meth:`change` finishes it. Versions
    have no name that could be taken twice, so a request whose answer was lost may have made one too many: ``copies``
    is a fact like others, and the surplus is deleted.
    """

    versions: Versions
    release: Release
    name: str
    kind: str = "model version"

    @property
    def version(self) -> int | None:
        """The release's."""
        return self.release.version

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """One, ready, with the files that were registered."""
        return {SHA256: self.release.sha256, "status": READY, "copies": 1}

    def find(self) -> Found | None:
        """The best of the versions that are this release. One that is half-way counts as ready to be changed."""
        found = self.versions.of(self.release.version)
        if not found:
            return None
        best = found[0]
        facts: dict[str, Fact] = {
            SHA256: best.tags.get(SHA256, ""),
            "status": best.status,
            "copies": len(found),
        }
        return Found(f"{self.versions.registry.name}/{best.number}", facts, best.tags)

    def create(self) -> str:
        """Begin a version; its upload is what is waited for."""
        return f"upload {self._begin().number}"

    def change(self, found: Found) -> str:
        """Delete surplus copies and what has failed; go on with what is half-way.

        Raises:
            TargetError: a finished version has other files. What is served is never exchanged under its number.
        """
        best, *surplus = self.versions.of(self.release.version)
        for entry in surplus:
            self.versions.registry.delete_entry(entry.number)
        is_same = best.tags.get(SHA256) == self.release.sha256
        if best.status == READY and not is_same:
            raise TargetError(
                f"version {self.release.version} is there with other files (sha256 differs)",
                where=self.versions.workspace.where,
                hint="register the model again, which gives it a new version; or `kedro deploy destroy` it there",
            )
        if best.status == READY:
            return ""
        if best.status == FAILED or not is_same:
            self.versions.registry.delete_entry(best.number)
            best = self._begin()
        return f"upload {best.number}"

    def delete(self, found: Found) -> str:
        """Take it down, with all its copies."""
        for entry in self.versions.of(self.release.version):
            self.versions.registry.delete_entry(entry.number)
        return ""

    def poll(self, operation: str) -> Doing:
        """One more file; after the last one, the version is finished.

        Raises:
            Gone: the version was deleted.
            TargetError: Unity Catalog could not register it.
        """
        number = operation.removeprefix("upload ")
        entry = self.versions.registry.entry(number)
        if entry is None:
            raise Gone(f"version {number} is not there any more", where=self.versions.workspace.where)
        if entry.status == FAILED:
            raise TargetError(
                f"Unity Catalog could not register version {number}: {entry.message or 'it gives no reason'}",
                where=self.versions.workspace.where,
                hint="the same command deletes it and begins another",
            )
        if entry.status != PENDING:
            return Doing(True, 1.0, entry.status)
        upload = self._upload(number)
        if not upload.step():
            return Doing(False, upload.share, "uploading")
        return Doing(self.versions.registry.finish_entry(number).status == READY, 1.0, "registering")

    def _upload(self, number: str) -> Upload:
        if number not in self.versions.uploads:
            workspace, registry = self.versions.workspace, self.versions.registry
            artifact = checked(self.release)
            instead = with_wheel(artifact, self.versions.wheel)
            root = path_of(registry.name, number)
            ways = ways_to(workspace, registry, number, root, self.versions.storage_address)
            self.versions.uploads[number] = Upload(artifact, ways, instead, f"{workspace.where}, version {number}")
        return self.versions.uploads[number]

    def _begin(self) -> Entry:
        checked(self.release)
        return self.versions.registry.create_entry(
            f"workbench:/{self.release.client}/{self.release.version}",
            "",
            f"Version {self.release.version} of client {self.release.client}, run {self.release.run_id or 'unknown'}.",
            entry_tags(self.release),
        )
