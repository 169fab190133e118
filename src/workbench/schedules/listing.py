"""Schedules, slots and receipts for people, and as plain records for JSON."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from workbench.fleet.table import columns
from workbench.schedules.book import SlotBook
from workbench.schedules.due import due_slots
from workbench.schedules.entries import Entry

__all__ = [
    "due", "history", "next_slots", "schedules", "table_of_due", "table_of_history", "table_of_next",
    "table_of_schedules",
]  # fmt: skip

NOTHING = "—"
COLOURS = {"planned": "cyan", "running": "blue", "delivered": "green", "failed": "red", "skipped": "yellow"}


def schedules(project: Path, found: Sequence[Entry], now: datetime) -> list[dict[str, Any]]:
    """Each schedule, its next slot, and its last one."""
    book = SlotBook(project)
    last, paused = book.last(), book.paused()
    rows = []
    for entry in found:
        key = (entry.client.id, entry.name)
        coming = None if key in paused else entry.cron.next(now)
        rows.append(
            {
                "client": entry.client.id,
                "schedule": entry.name,
                "when": entry.cron.in_words(),
                "templates": list(entry.schedule.templates),
                "deliver": list(entry.schedule.deliver),
                "next": coming.astimezone(ZoneInfo(entry.schedule.timezone)).isoformat() if coming else None,
                "paused": paused[key].isoformat() if key in paused else None,
                "last": last[key].to_dict() if key in last else None,
            }
        )
    return rows


def table_of_schedules(rows: Sequence[dict[str, Any]]) -> str:
    """As text."""
    if not rows:
        return "No client has a schedule. Next: add `schedule:` to a client.yml, see docs/schedules.md"
    cells = [
        [row["client"], row["schedule"], row["when"], "paused" if row["paused"] else _clock(row["next"]),
         f"{row['last']['state']} {_clock(row['last']['due'])}" if row["last"] else NOTHING,
         ", ".join(row["deliver"]) or "nobody"]
        for row in rows
    ]  # fmt: skip
    return "\n".join(columns(["client", "schedule", "when", "next", "last", "delivered to"], cells))


def next_slots(found: Sequence[Entry], now: datetime, number: int) -> list[dict[str, Any]]:
    """The next slots of all schedules, in order of time."""
    streams = [_stream(entry, now, number) for entry in found]
    merged = heapq.merge(*streams, key=lambda pair: pair[0])
    return [
        {
            "due": due.astimezone(ZoneInfo(entry.schedule.timezone)).isoformat(),
            "client": entry.client.id,
            "schedule": entry.name,
            "templates": list(entry.schedule.templates),
            "deliver": list(entry.schedule.deliver),
        }
        for (due, entry), _ in zip(merged, range(number), strict=False)
    ]


def _stream(entry: Entry, now: datetime, number: int) -> Iterator[tuple[datetime, Entry]]:
    return ((slot, entry) for slot, _ in zip(entry.cron.after(now), range(number), strict=False))


def table_of_next(rows: Sequence[dict[str, Any]]) -> str:
    """As text."""
    if not rows:
        return "No client has a schedule. Next: add `schedule:` to a client.yml, see docs/schedules.md"
    cells = [[_clock(row["due"]), row["client"], row["schedule"], ", ".join(row["templates"])] for row in rows]
    return "\n".join(columns(["due", "client", "schedule", "reports"], cells))


def due(project: Path, found: Sequence[Entry], now: datetime) -> list[dict[str, Any]]:
    """What a scheduler that began now would serve, and what it would skip; nothing is written down."""
    book = SlotBook(project)
    rows = [
        {"client": slot.client, "schedule": slot.schedule, "due": slot.due.isoformat(), "what": slot.state}
        for slot in book.open()
    ]
    by_key = {(entry.client.id, entry.name): entry.schedule for entry in found}
    for (client, name), since in book.known_since(list(by_key), now, remember=False).items():
        new = due_slots(by_key[client, name], since, now)
        shown = [(slot, "due") for slot in new.served] + [(slot, f"skipped: {why}") for slot, why in new.skipped]
        rows += [{"client": client, "schedule": name, "due": one.isoformat(), "what": what} for one, what in shown]
    return rows


def table_of_due(rows: Sequence[dict[str, Any]]) -> str:
    """As text."""
    if not rows:
        return "Nothing is due. Next: kedro report schedule next"
    cells = [[row["client"], row["schedule"], _clock(row["due"]), row["what"]] for row in rows]
    return "\n".join(columns(["client", "schedule", "due", ""], cells))


def history(project: Path, client: str | None, number: int) -> list[dict[str, Any]]:
    """The last slots, each with its receipts."""
    book = SlotBook(project)
    slots = book.history(client, number)
    receipts: dict[int, list[dict[str, Any]]] = {slot.number: [] for slot in slots}
    for receipt in book.receipts(list(receipts)):
        receipts[receipt.slot].append(receipt.to_dict())
    return [slot.to_dict() | {"receipts": receipts[slot.number]} for slot in slots]


def table_of_history(rows: Sequence[dict[str, Any]]) -> str:
    """As text: a line a slot, and below them what went wrong."""
    if not rows:
        return "Nothing was scheduled yet. Next: kedro report schedule run"
    cells = [
        [_clock(row["due"]), row["client"], row["schedule"], row["state"], str(row["attempts"]), _who(row["receipts"])]
        for row in rows
    ]
    head = ["due", "client", "schedule", "state", "attempts", "delivered"]
    lines = columns(head, cells, colours=[COLOURS[row["state"]] for row in rows])
    wrong = [
        f"{row['client']} {row['schedule']} {_clock(row['due'])}: {row['reason']}" for row in rows if row["reason"]
    ]
    return "\n".join([*lines, *([""] if wrong else []), *wrong])


def _who(receipts: Sequence[dict[str, Any]]) -> str:
    words = [
        receipt["destination"] if receipt["state"] == "sent" else f"{receipt['destination']} ({receipt['state']})"
        for receipt in receipts
    ]
    return ", ".join(dict.fromkeys(words)) or NOTHING


def _clock(text: str | None) -> str:
    if text is None:
        return NOTHING
    instant = datetime.fromisoformat(text)
    zone = instant.strftime("%z")
    return f"{instant:%Y-%m-%d %H:%M}{'Z' if zone == '+0000' else zone}"
