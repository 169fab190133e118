"""A client's configuration, as inputs of nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.clients import Client, ClientRegistry, Schema
from workbench.datasets.base import ReadOnlyDataset

__all__ = ["ClientRecord", "ClientSchema"]


class ClientRecord(ReadOnlyDataset[Client]):
    """The typed ``client.yml``.

    Args:
        client: the client's id.
        path: the project's ``conf`` folder; relative paths are taken from the project, by Kedro.
    """

    def __init__(self, *, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._client, self._project, self.metadata = client, Path(path).parent, metadata

    def load(self) -> Client:
        """Read and check the file."""
        return ClientRegistry(self._project).load(self._client)

    def _describe(self) -> dict[str, Any]:
        return {"client": self._client}


class ClientSchema(ClientRecord):
    """The typed ``schema.yml``; None if the client has none."""

    def load(self) -> Schema | None:  # type: ignore[override]
        """Read and check the file."""
        return ClientRegistry(self._project).schema(self._client)
