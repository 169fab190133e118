"""What ``monitor`` needs of the world: the champion's promise, and the present. It puts a mark onto the champion."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.datasets.base import ClientDataset, ClientInput, ReadOnlyDataset
from workbench.errors import DataError

if TYPE_CHECKING:
    from workbench.fingerprints.facts import Look
    from workbench.registry.promises import Promise as Promised

__all__ = ["Clock", "LastVerdict", "Promise", "RetrainMark"]

logger = logging.getLogger(__name__)


class Clock(ReadOnlyDataset[datetime]):
    """The present, UTC: one instant for all nodes of a run.

    Args:
        metadata: free text for people and plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata=metadata)
        self._now: datetime | None = None

    def load(self) -> datetime:
        """The instant at which it was asked first."""
        self._now = self._now or datetime.now(UTC)
        return self._now

    def fingerprint(self, look: object) -> None:
        """Cannot be told: it is another one each time, so who reads it runs each time."""


class Promise(ClientInput["Promised"]):
    """What the champion was registered with; see :mod:`workbench.registry.promises`."""

    def load(self) -> Promised:
        """Ask the registry; a missing champion is a :class:`~workbench.errors.ModelError` that says what to type."""
        from workbench.registry.promises import promise

        return promise(self._client, self._project)

    def fingerprint(self, look: Look) -> dict[str, str] | None:
        """Which version it is of; a version never changes."""
        from workbench.registry.alias import champion_version

        return {"version": str(champion_version(self._client, self._project))}

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "alias": "champion"}


class RetrainMark(ClientDataset[dict[str, Any], None]):
    """Marks a version of the client's model, which is to be trained again: ``{"version": 3, "why": "…"}``.

    Without a reason nothing is marked. A version that is champion no more is not marked either: who took its place was
    not looked at.
    """

    def load(self) -> None:
        """Refuse to read."""
        raise DataError("RetrainMark is written only", hint="`kedro mlflow champions` shows who is marked")

    def save(self, data: dict[str, Any]) -> None:
        """Mark the version, if there is a reason to."""
        if not data["why"]:
            return
        from workbench import audit
        from workbench.registry.retraining import mark_champion

        if not mark_champion(self._project, self._client, data["version"], data["why"]):
            logger.warning(
                "client %s: version %s is champion no more, so it was not marked", self._client, data["version"]
            )
            return
        audit.record(self._project, "model.marked", client=self._client, version=data["version"])
        logger.warning(
            "client %s: champion version %s is marked to be trained again. Next: kedro fleet run --marked",
            self._client,
            data["version"],
        )

    def _exists(self) -> bool:
        return False

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "tag": "retrain"}


class LastVerdict(ClientInput["dict[str, Any] | None"]):
    """What ``monitor`` said the last time; None if it never ran, or spoke of what is not readable any more.

    No file of DVC's: ``monitor`` is no stage, and a report is made also where it never ran.
    """

    def load(self) -> dict[str, Any] | None:
        """The verdict in short; see :class:`workbench.monitoring.latest.Latest`."""
        from workbench.monitoring.latest import latest

        found = latest(self._project, self._client)
        return found.to_dict() if found else None

    def fingerprint(self, look: Look) -> dict[str, str]:
        """Its file."""
        from workbench.monitoring.latest import FILE

        return {"": look.digest(self._project / "data" / self._client / FILE) or "missing"}
