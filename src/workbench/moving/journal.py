"""How far a move has come: ``.workbench/moves/<client>/journal.json``, written durably at each step."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from workbench.clients.engines import Engine
from workbench.files import write_text
from workbench.fleet.ledger import state_folder

__all__ = ["Journal", "TableRecord", "drop", "folder_of", "read", "staged_primary", "write"]

Step = Literal["copying", "switching", "switched", "finishing", "returning"]
"""``copying`` ends when all tables are compared; from ``switched`` on, client.yml names the new engine."""


@dataclass(frozen=True)
class TableRecord:
    """A table that was copied and compared.

    Attributes:
        rows: how many.
        digest: of its rows in any order.
        name: in the new engine; empty if that is DuckDB.
        compared: where the digest was computed: in the ``engines``, each of its own rows
            (:mod:`workbench.engines.digests`), or ``here``, of what both give back (:mod:`workbench.moving.digest`).
    """

    rows: int
    digest: str
    name: str = ""
    compared: Literal["engines", "here"] = "here"


@dataclass(frozen=True)
class Journal:
    """A move that was begun.

    Attributes:
        client: whose.
        source: the old engine's settings.
        target: the new engine's settings.
        before: client.yml as it was.
        places: what the stub of the joined table named, if it was one: location to table.
        step: what is being done.
        tables: ``raw/flights`` to what was copied.
    """

    client: str
    source: dict[str, Any]
    target: dict[str, Any]
    before: str
    places: dict[str, str] | None
    step: Step = "copying"
    tables: dict[str, TableRecord] = field(default_factory=dict)

    @property
    def old(self) -> Engine:
        """The engine that the client had."""
        return _engine(self.source)

    @property
    def new(self) -> Engine:
        """The engine that it gets."""
        return _engine(self.target)

    def at(self, step: Step) -> Journal:
        """The same, at another step."""
        return replace(self, step=step)

    def having(self, table: str, record: TableRecord) -> Journal:
        """The same, with one table more."""
        return replace(self, tables={**self.tables, table: record})


def _engine(settings: dict[str, Any]) -> Engine:
    adapter: TypeAdapter[Engine] = TypeAdapter(Engine)
    return adapter.validate_python(settings)


def folder_of(project: Path, client: str) -> Path:
    """What a move keeps while it is going on; no other client's writers come there."""
    return state_folder(project) / "moves" / client


def _path(project: Path, client: str) -> Path:
    return folder_of(project, client) / "journal.json"


def staged_primary(project: Path, client: str) -> Path:
    """Where the joined table waits on its way to DuckDB."""
    return folder_of(project, client) / "primary.parquet"


def read(project: Path, client: str) -> Journal | None:
    """The move that was begun and has not ended, or None."""
    path = _path(project, client)
    if not path.is_file():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    tables = {name: TableRecord(**record) for name, record in known.pop("tables").items()}
    return Journal(**known, tables=tables)


def write(project: Path, journal: Journal) -> Journal:
    """Put it on the device."""
    write_text(_path(project, journal.client), json.dumps(asdict(journal), indent=1) + "\n")
    return journal


def drop(project: Path, client: str) -> None:
    """The move has ended."""
    _path(project, client).unlink(missing_ok=True)  # first, for this is what counts
    shutil.rmtree(folder_of(project, client), ignore_errors=True)
