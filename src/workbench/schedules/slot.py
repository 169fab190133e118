"""One slot of a schedule, and one receipt, as the ledger has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = ["DONE", "Receipt", "ReceiptState", "Slot", "SlotState"]

SlotState = Literal["planned", "running", "delivered", "failed", "skipped"]
"""``skipped``: nobody was there in time, or the schedule was paused."""

DONE: tuple[SlotState, ...] = ("delivered", "failed", "skipped")

ReceiptState = Literal["sending", "sent", "failed", "in doubt"]
"""``in doubt``: the process died while it was sending, and sending once more might deliver twice."""


@dataclass(frozen=True)
class Slot:
    """One instant of a client's schedule.

    Attributes:
        number: counts up.
        due: in UTC.
        attempts: how often it was begun.
        started: UTC, of the last attempt.
        finished: UTC.
        pid: the process that serves it; None if it is not running.
        birth: tells that process from a later one with the same pid.
        reason: why it failed or was skipped, or why its last attempt did not succeed; one sentence.
    """

    number: int
    client: str
    schedule: str
    due: datetime
    state: SlotState
    attempts: int
    started: datetime | None
    finished: datetime | None
    pid: int | None
    birth: str | None
    reason: str | None

    @property
    def name(self) -> str:
        """For people: ``skyways weekly 2026-11-30T11:00Z``."""
        return f"{self.client} {self.schedule} {self.due:%Y-%m-%dT%H:%MZ}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        times = {name: value.isoformat() if value else None for name, value in self._times().items()}
        return {key: value for key, value in vars(self).items() if key not in {"pid", "birth"}} | times

    def _times(self) -> dict[str, datetime | None]:
        return {"due": self.due, "started": self.started, "finished": self.finished}


@dataclass(frozen=True)
class Receipt:
    """What became of one delivery.

    Attributes:
        slot: the number of the slot.
        destination: the name under ``deliver`` in the client's configuration.
        recipient: an address, a folder, a URL.
        digest: of the parcel; see :attr:`workbench.delivery.Parcel.digest`.
        templates: name and sha256 of each template, ``name@digest`` with commas between.
        at: UTC, of the last change.
        result: where it lies or what the other side called it; or why it failed.
    """

    number: int
    slot: int
    destination: str
    recipient: str
    state: ReceiptState
    digest: str
    templates: str
    at: datetime
    result: str | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self) | {"at": self.at.isoformat()}
