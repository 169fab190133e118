"""What the ledger knows of a client's things at a target: written down before they are made.

A row is ``planned`` before the first call that may make the thing, ``created`` once it was seen ready, ``deleting``
before the call that takes it down, and ``gone`` once it was seen gone. So whatever a process that died may have left
behind stands here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from workbench.errors import TargetError
from workbench.fleet.ledger import Ledger
from workbench.fleet.schema import connect, transaction

__all__ = ["TUNING", "Book", "Resource", "Rollout", "State", "refuse_deployed"]

TUNING = "hosted-tuning"
"""What the rows of hosted tuning have for a target: a name that no client's target can have."""

State = Literal["planned", "created", "deleting", "gone"]

_PLAN = """
    INSERT INTO resource (client, target, kind, name, version, state, facts, planned, changed)
    VALUES (:client, :target, :kind, :name, :version, 'planned', :facts, :now, :now)
    ON CONFLICT (client, target, kind, name) DO UPDATE SET
        version = :version, state = 'planned', facts = :facts, changed = :now,
        operation = CASE state WHEN 'planned' THEN operation ELSE '' END
"""
_NOTE = """
    UPDATE resource SET state = :state, remote = coalesce(:remote, remote), operation = :operation, changed = :now
    WHERE client = :client AND target = :target AND kind = :kind AND name = :name
"""
_ROLLOUT = """
    INSERT INTO rollout (client, target, stable, candidate, previous, going_back, operation, changed)
    VALUES (:client, :target, :stable, :candidate, :previous, :going_back, :operation, :now)
    ON CONFLICT (client, target) DO UPDATE SET stable = :stable, candidate = :candidate, previous = :previous,
        going_back = :going_back, operation = :operation, changed = :now
"""


@dataclass(frozen=True)
class Resource:
    """One thing at a target.

    Attributes:
        version: the release that it belongs to; None: to all.
        remote: the service's own name, once it is known.
        operation: what is waited for.
        facts: what it was to be like.
    """

    client: str
    target: str
    kind: str
    name: str
    version: int | None
    state: State
    remote: str
    operation: str
    facts: Mapping[str, Any]
    planned: str
    changed: str


@dataclass(frozen=True)
class Rollout:
    """Which versions play which part.

    Attributes:
        stable: has the traffic, or the rest of it.
        candidate: was applied, and is to become stable.
        previous: was stable before, and is kept for the way back.
        going_back: gets the traffic back; a rollback was begun and is not known to have ended.
        operation: a change of the traffic that was begun.
    """

    stable: int | None = None
    candidate: int | None = None
    previous: int | None = None
    going_back: int | None = None
    operation: str = ""

    @property
    def versions(self) -> tuple[int, ...]:
        """Those that are needed, oldest first."""
        return tuple(sorted({one for one in (self.stable, self.candidate, self.previous) if one is not None}))


class Book:
    """The rows of one client at one target.

    Args:
        project: the project's folder.
        client: a registered client.
        target: as the client's configuration calls it.
    """

    def __init__(self, project: Path, client: str, target: str) -> None:
        self.path = Ledger.of(project).path
        self._key = {"client": client, "target": target}

    def plan(self, kind: str, name: str, version: int | None, facts: Mapping[str, Any]) -> None:
        """Write down that something is about to be made, or changed; an operation that is waited for stays."""
        self._write(_PLAN, kind=kind, name=name, version=version, facts=json.dumps(dict(facts)))

    def note(self, kind: str, name: str, state: State, *, remote: str | None = None, operation: str = "") -> None:
        """Write down how far it is."""
        self._write(_NOTE, kind=kind, name=name, state=state, remote=remote, operation=operation)

    def resources(self, *, gone: bool = False) -> list[Resource]:
        """What there is or may be, in the order in which it was planned first."""
        if not self.path.exists():
            return []
        text = "SELECT * FROM resource WHERE client = :client AND target = :target ORDER BY number"
        with connect(self.path) as connection:
            rows = [_resource(row) for row in connection.execute(text, self._key)]
        return [row for row in rows if gone or row.state != "gone"]

    def find(self, kind: str, name: str) -> Resource | None:
        """One row."""
        return next((row for row in self.resources(gone=True) if (row.kind, row.name) == (kind, name)), None)

    def rollout(self) -> Rollout:
        """Which versions play which part; empty before the first."""
        if not self.path.exists():
            return Rollout()
        text = """
            SELECT stable, candidate, previous, going_back, operation FROM rollout
            WHERE client = :client AND target = :target
        """
        with connect(self.path) as connection:
            row = connection.execute(text, self._key).fetchone()
        return Rollout(**dict(row)) if row else Rollout()

    def roll(self, rollout: Rollout) -> None:
        """Write down which versions play which part."""
        self._write(_ROLLOUT, **vars(rollout))

    def _write(self, text: str, **values: Any) -> None:
        with transaction(self.path) as connection:
            connection.execute(text, self._key | values | {"now": datetime.now(UTC).isoformat(timespec="seconds")})


def refuse_deployed(project: Path, client: str) -> None:
    """Refuse to forget a client of whom something stands at a target: nobody would find it again, nor stop paying.

    Raises:
        TargetError: something does, or may.
    """
    path = Ledger.of(project).path
    if not path.exists():
        return
    with connect(path) as connection:
        text = "SELECT DISTINCT target FROM resource WHERE client = ? AND state != 'gone' ORDER BY target"
        targets = [row["target"] for row in connection.execute(text, (client,))]
    if targets:
        down = f"deploy destroy --env clients/{client} --target {targets[0]}"
        if targets[0] == TUNING:
            down = f"tune down --all --env clients/{client}"
        raise TargetError(
            f"it is deployed to {', '.join(targets)}",
            where=f"client {client}",
            hint=f"take that down first: `kedro {down}`",
        )


def _resource(row: sqlite3.Row) -> Resource:
    values = {name: row[name] for name in row.keys() if name != "number"}  # noqa: SIM118 - a Row yields its values
    return Resource(**values | {"facts": json.loads(values["facts"])})
