"""The project's folder as one client may see it, and files with a JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.clients.roots import refuse_another_clients
from workbench.datasets.base import ClientInput, PathDataset
from workbench.errors import DataError
from workbench.files import durable_file
from workbench.sources.paths import inside

__all__ = ["ClientFiles", "JsonLines", "ProjectFiles"]


@dataclass(frozen=True)
class ClientFiles:
    """Paths of the project, for one client.

    Attributes:
        client: the client's id.
        project: the project's folder.
    """

    client: str
    project: Path

    def path(self, text: str, setting: str) -> Path:
        """The path that a setting gives, from the project's folder; nothing has to be there.

        Raises:
            ConfigurationError: it is absolute, holds ``..``, or is another client's, by its name or by its links.
        """
        where = f"client {self.client}, {setting}"
        relative = inside(text, where)
        refuse_another_clients(self.project, self.client, relative, where)
        return self.project / relative

    def table(self, name: str) -> Path:
        """Where ``ingest`` leaves a table of the client."""
        return self.path(f"data/{self.client}/01_raw/{name}.parquet", "tune.examples.table")


class ProjectFiles(ClientInput[ClientFiles]):
    """Loads :class:`ClientFiles`; nothing is read."""

    def load(self) -> ClientFiles:
        """The client's view of the project."""
        return ClientFiles(self._client, self._project)

    def fingerprint(self, look: object) -> None:
        """Cannot be told: which files a node reads is a matter of its parameters."""


class JsonLines(PathDataset["list[dict[str, Any]]", "list[dict[str, Any]]"]):
    """One JSON object a line, UTF-8: chat examples as fine-tuning services take them, answers."""

    def load(self) -> list[dict[str, Any]]:
        """The objects, in the order of the lines."""
        path = self._present()
        examples: list[dict[str, Any]] = []
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    examples.append(json.loads(line))
                except ValueError as error:
                    hint = "make it again: `kedro run --pipeline tune`"
                    raise DataError("is not JSON", where=f"{path}:{number}", hint=hint) from error
        return examples

    def save(self, data: list[dict[str, Any]]) -> None:
        """Write them durably."""
        with durable_file(self._path) as staging, staging.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in data)
