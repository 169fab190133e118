"""A client's configuration, as inputs of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.clients import Client, ClientRegistry, Schema
from workbench.datasets.base import ClientInput
from workbench.fingerprints.values import leaves

if TYPE_CHECKING:
    from workbench.fingerprints.facts import Look

__all__ = ["ClientRecord", "ClientSchema"]


class ClientRecord(ClientInput[Client]):
    """The typed ``client.yml``.

    Args:
        client: the client's id.
        path: the project's ``conf`` folder; relative paths are taken from the project, by Kedro.
    """

    def __init__(self, *, client: str, path: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(client=client, path=path, metadata=metadata)
        self._fields: dict[str, str] | None = None

    def load(self) -> Client:
        """Read and check the file."""
        return ClientRegistry(self._project).load(self._client)

    def fingerprint(self, look: Look) -> dict[str, str] | None:
        """A digest for each field that the asking code reads, and for the file of the logo if it reads the brand."""
        if self._fields is None:
            self._fields = leaves(self.load())
        fields = {
            name: digest
            for name, digest in self._fields.items()
            if "*" in look.names or name.partition(".")[0] in look.names
        }
        if any(name.startswith("brand.") for name in fields):
            folder = ClientRegistry(self._project).folder(self._client)
            files = [path for path in sorted(folder.iterdir()) if path.suffix not in {".yml", ".yaml"}]
            fields |= {path.name: look.digest(path) or "missing" for path in files if path.is_file()}
        return fields


class ClientSchema(ClientRecord):
    """The typed ``schema.yml``; None if the client has none."""

    def load(self) -> Schema | None:  # type: ignore[override]
        """Read and check the file."""
        return ClientRegistry(self._project).schema(self._client)

    def fingerprint(self, look: Look) -> dict[str, str] | None:
        """A digest for each column's rules."""
        schema = self.load()
        return {"": "none"} if schema is None else leaves(schema)
