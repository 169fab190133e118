"""The entries of a client in one JSON file, ``.workbench/hosted/<client>.json``; each write is durable."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from workbench.errors import ConfigurationError
from workbench.files import durable_file
from workbench.fleet.ledger import state_folder
from workbench.hosted.ledger import Entry

__all__ = ["JsonBook"]


class JsonBook:
    """A :class:`~workbench.hosted.ledger.Book`; one process at a time writes it, which the client's lock sees to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, project: Path, client: str) -> JsonBook:
        """A client's, at its usual place."""
        return cls(state_folder(project) / "hosted" / f"{client}.json")

    def get(self, kind: str, name: str) -> Entry | None:
        """The entry, or None."""
        return next((one for one in self.all() if (one.kind, one.name) == (kind, name)), None)

    def put(self, entry: Entry) -> None:
        """Write it down, in the place of an older one."""
        others = {(one.kind, one.name): one for one in self.all()}
        others[entry.kind, entry.name] = entry
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with durable_file(self._path) as staging:
            staging.write_text(json.dumps([asdict(one) for one in others.values()], indent=1), encoding="utf-8")

    def all(self) -> list[Entry]:
        """All, oldest first."""
        if not self._path.exists():
            return []
        try:
            return [Entry(**one) for one in json.loads(self._path.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                "what was made at the service cannot be read; without it, something might be paid for twice",
                where=str(self._path),
                hint="bring the file back from a backup",
            ) from error
