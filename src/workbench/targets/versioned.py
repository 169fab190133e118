"""What parts of one version have in common."""

from __future__ import annotations

from workbench.targets.names import name_of_version
from workbench.targets.release import Release

__all__ = ["OfVersion"]


class OfVersion:
    """A part that belongs to a release, and is called after client and version.

    Attributes:
        release: which.
    """

    release: Release

    @property
    def name(self) -> str:
        """As all of a version is called."""
        return name_of_version(self.release.client, self.release.version)

    @property
    def version(self) -> int:
        """The release's."""
        return self.release.version
