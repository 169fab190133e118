"""The clients' files, read once and again when they change: a hundred of them are half a second of YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.clients import Client, ClientRegistry
from workbench.errors import ConfigurationError, WorkbenchError
from workbench.schedules.entries import Entry

__all__ = ["Known", "Roster"]


@dataclass(frozen=True)
class Known:
    """One client, or what is wrong with its file."""

    id: str
    client: Client | None
    problem: str | None = None

    @property
    def title(self) -> str:
        """For people."""
        return self.client.title if self.client else self.id

    @property
    def schedules(self) -> list[Entry]:
        """In the order of their names."""
        if self.client is None:
            return []
        return [Entry(self.client, name, self.client.schedule[name]) for name in sorted(self.client.schedule)]


class Roster:
    """All clients of a project."""

    def __init__(self, project: Path) -> None:
        self._registry = ClientRegistry(project)
        self._read: dict[str, tuple[object, Known]] = {}

    def all(self) -> Mapping[str, Known]:
        """By id, in its order. One that cannot be read does not hide the others."""
        return {name: self._one(name) for name in self._registry.ids()}

    def get(self, name: str) -> Known | None:
        """One client; None if there is none of that name."""
        return self._one(name) if name in self._registry.ids() else None

    def _one(self, name: str) -> Known:
        path = self._registry.root / name / "client.yml"
        try:
            about = path.stat()
            state: object = (about.st_mtime_ns, about.st_size, about.st_ino)
        except OSError:
            state = None
        kept = self._read.get(name)
        if kept is None or kept[0] != state:
            kept = self._read[name] = (state, self._load(name))
        return kept[1]

    def _load(self, name: str) -> Known:
        try:
            return Known(name, self._registry.load(name))
        except WorkbenchError as error:
            return Known(name, None, str(error))
        except OSError as error:  # removed while it was read
            return Known(
                name, None, str(ConfigurationError(error.strerror or "cannot be read", where=f"client {name}"))
            )
