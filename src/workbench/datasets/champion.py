"""The client's champion, from the registry, as an input of nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import ReadOnlyDataset

if TYPE_CHECKING:
    from workbench.registry.models import Champion as Version

__all__ = ["Champion"]


class Champion(ReadOnlyDataset["Version"]):
    """The version that the alias ``champion`` points to, loaded and checked against its sha256.

    Args:
        client: the client's id.
        path: the project's ``conf`` folder; relative paths are taken from the project, by Kedro.
        metadata: free text for people and plugins.
    """

    def __init__(self, *, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._client, self._project, self.metadata = client, Path(path).parent, metadata

    def load(self) -> Version:
        """Load it; a missing champion is a :class:`~workbench.errors.ModelError` that says what to type."""
        from workbench.registry.models import champion

        return champion(self._client, self._project)

    def _describe(self) -> dict[str, Any]:
        return {"client": self._client, "alias": "champion"}
