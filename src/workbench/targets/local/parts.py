"""What there is at a local target: versions in a file, and the process that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import Gone
from workbench.targets.local.traffic import Wanted, status_of
from workbench.targets.names import name_of
from workbench.targets.protocol import Doing, Fact, Found
from workbench.targets.release import Release

if TYPE_CHECKING:
    from workbench.targets.local.target import LocalServing

from workbench.targets.versioned import OfVersion

__all__ = ["ServedVersion", "Server"]


@dataclass(frozen=True)
class ServedVersion(OfVersion):
    """A version in the traffic file."""

    target: LocalServing
    release: Release
    kind: str = "served version"

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """What the model is."""
        return {"sha256": self.release.sha256}

    def find(self) -> Found | None:
        """In the file; ready as soon as the server, if it runs, has loaded it."""
        kept = self.target.file.read().versions.get(self.version)
        if kept is None:
            return None
        ready = not self.target.is_up() or status_of(self.target.status(), self.target.file.sha256)
        return Found(f"{self.release.client}/{self.version}", {"sha256": kept[1]}, ready=ready)

    def create(self) -> str:
        """Write it into the file; the first one has all the traffic, since a server serves something."""

        def with_it(now: Wanted) -> Wanted:
            entry = (str(self.release.artifact.resolve()), self.release.sha256)
            return Wanted({**now.versions, self.version: entry}, now.traffic or {self.version: 100})

        self.target.file.change(with_it)
        return ""

    def change(self, found: Found) -> str:
        """Write its new digest; the server loads it beside the old."""
        return self.create()

    def delete(self, found: Found) -> str:
        """Take it out of the file; with the last one, the file goes, and the server keeps what it has until it ends."""

        def without_it(now: Wanted) -> Wanted:
            versions = {version: entry for version, entry in now.versions.items() if version != self.version}
            return Wanted(versions, {version: share for version, share in now.traffic.items() if version in versions})

        self.target.file.change(without_it)
        return ""

    def poll(self, operation: str) -> Doing:
        """Nothing is left running."""
        raise Gone(f"there is no operation '{operation}'")


@dataclass(frozen=True)
class Server:
    """The process that serves."""

    target: LocalServing
    client: str
    kind: str = "server"
    version: None = None

    @property
    def name(self) -> str:
        """Derived from the client."""
        return name_of(self.client)

    @property
    def wanted(self) -> Mapping[str, Fact]:
        """Where it is to listen."""
        return {"port": self.target.process.port}

    def find(self) -> Found | None:
        """The process, if it runs; ready once it serves."""
        pid = self.target.process.find()
        if pid is None:
            return None
        port = self.target.process.port_in_use()
        return Found(f"127.0.0.1:{port}", {"port": port or 0}, ready=self.target.is_ready())

    def create(self) -> str:
        """Start it; the operation is its pid."""
        return str(self.target.start())

    def change(self, found: Found) -> str:
        """Stop it, so that it is started again where it is to listen."""
        self.target.process.stop()
        return ""

    def delete(self, found: Found) -> str:
        """Ask it to end."""
        self.target.process.stop()
        return ""

    def poll(self, operation: str) -> Doing:
        """Whether it serves.

        Raises:
            TargetError: it has ended.
        """
        if not self.target.process.is_alive(int(operation)):
            raise self.target.process.complaint()
        return Doing(self.target.is_ready(), None, "loading the model")
