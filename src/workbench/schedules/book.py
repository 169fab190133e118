"""The slots and receipts in the run ledger: what is to be done, what is done, and by whom.

A slot is planned, running or done, and each step is one transaction. Only one living process can have a slot
``running``; what a dead one left behind is planned again, or given up after so many attempts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench import audit
from workbench.errors import Busy, ConfigurationError
from workbench.fleet.ledger import Ledger
from workbench.fleet.lock import ClientLock
from workbench.fleet.process import Process
from workbench.fleet.schema import connect
from workbench.schedules.slot import Receipt, Slot, SlotState

__all__ = ["SlotBook"]

_PLAN = "INSERT OR IGNORE INTO slot (client, schedule, due, state) VALUES (?, ?, ?, 'planned')"
_SKIP = """
    INSERT OR IGNORE INTO slot (client, schedule, due, state, finished, reason) VALUES (?, ?, ?, 'skipped', ?, ?)
"""
_CLAIM = """
    UPDATE slot SET state = 'running', attempts = attempts + 1, started = ?, pid = ?, birth = ?, finished = NULL,
        reason = NULL
    WHERE number = ?
"""
_END = """
    UPDATE slot SET state = ?, finished = ?, pid = NULL, birth = NULL, reason = ?, attempts = attempts - ?
    WHERE number = ? AND pid = ? AND birth = ?
"""
_SEEN = "INSERT OR IGNORE INTO schedule (client, name, since) VALUES (?, ?, ?)"
_SCHEDULES = """
    SELECT client, name, since, paused,
        (SELECT max(due) FROM slot WHERE slot.client = schedule.client AND slot.schedule = schedule.name) AS last
    FROM schedule
"""
_SENDING = """
    INSERT INTO receipt (slot, destination, recipient, state, digest, templates, at)
    VALUES (:slot, :destination, :recipient, 'sending', :digest, :templates, :at)
    ON CONFLICT (slot, destination, recipient)
    DO UPDATE SET state = 'sending', digest = :digest, templates = :templates, at = :at, result = NULL
"""


class SlotBook:
    """The slots of one project.

    Every method raises what :func:`workbench.fleet.schema.connect` raises.

    Args:
        project: the project's folder.
    """

    def __init__(self, project: Path) -> None:
        self._project, self._path = project, Ledger.of(project).path

    def lock(self, client: str) -> ClientLock:
        """Who holds it may serve a client's slots. It is not the lock of its runs, which a slot's pipelines take."""
        return ClientLock(self._path.parent / "slots", client)

    # ---- planning ---------------------------------------------------------------------------------------------------

    def known_since(
        self, schedules: Sequence[tuple[str, str]], now: datetime, *, remember: bool = True
    ) -> dict[tuple[str, str], datetime]:
        """The instants after which the slots of schedules count; a paused one is left out.

        It is the last slot that is in the book, or the moment in which the schedule was first seen or resumed.

        Args:
            schedules: pairs of client and schedule.
            now: the moment in which those are first seen that the book does not know.
            remember: write that moment down; else those are left out.
        """
        with self._reading() as query:
            known = {(row["client"], row["name"]): row for row in query(_SCHEDULES)}
        new = [(client, name, _text(now)) for client, name in schedules if (client, name) not in known]
        if new and remember:
            with self._transaction() as connection:
                connection.executemany(_SEEN, new)
            return self.known_since(schedules, now)
        running = [pair for pair in schedules if pair in known and known[pair]["paused"] is None]
        return {pair: _instant(max(known[pair]["since"], known[pair]["last"] or "")) for pair in running}

    def plan(
        self, served: Sequence[tuple[str, str, datetime]], skipped: Sequence[tuple[str, str, datetime, str]]
    ) -> None:
        """Write down slots that are to be served, and those that are not, with the reason; all or none.

        Args:
            served: client, schedule, and instant.
            skipped: client, schedule, instant, and why.
        """
        if not served and not skipped:
            return
        now = _text(datetime.now(UTC))
        with self._transaction() as connection:
            connection.executemany(_SKIP, [(client, name, _text(due), now, why) for client, name, due, why in skipped])
            connection.executemany(_PLAN, [(client, name, _text(due)) for client, name, due in served])

    def pause(self, client: str, schedule: str) -> None:
        """Pause a schedule; one that is paused stays so."""
        self._set(client, schedule, "paused = :now WHERE paused IS NULL")
        audit.record(self._project, "schedule.paused", client=client, schedule=schedule)

    def resume(self, client: str, schedule: str) -> None:
        """Let a paused schedule go on from now; the slots in between are not caught up."""
        # One that is not paused keeps its `since`: resuming it must lose no slot.
        self._set(client, schedule, "paused = NULL, since = :now WHERE paused IS NOT NULL")
        audit.record(self._project, "schedule.resumed", client=client, schedule=schedule)

    def _set(self, client: str, schedule: str, what: str) -> None:
        values = {"client": client, "name": schedule, "now": _text(datetime.now(UTC))}
        with self._transaction() as connection:
            connection.execute(_SEEN, (client, schedule, values["now"]))
            connection.execute(f"UPDATE schedule SET {what} AND client = :client AND name = :name", values)  # noqa: S608

    # ---- serving ----------------------------------------------------------------------------------------------------

    def claim(
        self, client: str, schedule: str, due: datetime, *, again: bool = False, locked: bool = False
    ) -> Slot | None:
        """Take a slot for this process.

        Args:
            client: whose.
            schedule: the name of the schedule.
            due: the slot.
            again: also take one that has failed.
            locked: this process holds the client's lock, so that nobody does whom it cannot see.

        Returns:
            The slot, running; None if it is done.

        Raises:
            Busy: another process is serving it.
        """
        mine = Process.current()
        with self._transaction() as connection:
            connection.execute(_PLAN, (client, schedule, _text(due)))
            slot = _one(connection, client, schedule, due)
            if slot.state == "running" and self._lives(slot, locked=locked):
                raise Busy(f"process {slot.pid} is serving it", where=slot.name, hint="wait for it")
            if slot.state in {"delivered", "skipped"} or (slot.state == "failed" and not again):
                return None
            connection.execute(_CLAIM, (_text(datetime.now(UTC)), mine.pid, mine.birth, slot.number))
            return _one(connection, client, schedule, due)

    def end(self, slot: Slot, state: SlotState, reason: str | None = None, *, uncounted: bool = False) -> bool:
        """End a running slot, or hand it back as ``planned``.

        Args:
            slot: as :meth:`claim` gave it.
            state: what it becomes.
            reason: one sentence, if it did not succeed.
            uncounted: the attempt does not count, because a person ended it.

        Returns:
            False, and nothing changes, if another process has it by now.
        """
        finished = None if state == "planned" else _text(datetime.now(UTC))
        with self._transaction() as connection:
            values = (state, finished, reason, int(uncounted), slot.number, slot.pid, slot.birth)
            return connection.execute(_END, values).rowcount == 1

    def reap(self, attempts_of: Callable[[Slot], int]) -> None:
        """See to the slots whose process is gone: planned again, or failed after as many attempts as are allowed."""
        for slot in self._slots("WHERE state = 'running'"):
            if self._lives(slot):
                continue
            if slot.attempts < attempts_of(slot):
                self.end(slot, "planned", "its process died")
            else:
                self.end(slot, "failed", f"its process died, the last of {slot.attempts} attempts")

    # ---- receipts ---------------------------------------------------------------------------------------------------

    def sending(self, slot: Slot, destination: str, recipient: str, *, digest: str, templates: str) -> None:
        """Write down that a delivery begins, before it does."""
        facts = {"slot": slot.number, "destination": destination, "recipient": recipient, "digest": digest}
        with self._transaction() as connection:
            connection.execute(_SENDING, facts | {"templates": templates, "at": _text(datetime.now(UTC))})

    def sent(self, slot: Slot, destination: str, recipient: str, state: str, result: str) -> None:
        """Write down what became of a delivery."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE receipt SET state = ?, result = ?, at = ? WHERE slot = ? AND destination = ? AND recipient = ?",
                (state, result, _text(datetime.now(UTC)), slot.number, destination, recipient),
            )

    def receipts(self, slots: Sequence[int]) -> list[Receipt]:
        """The receipts of these slots, in the order in which they began."""
        marks = ", ".join("?" * len(slots))
        with self._reading() as query:
            rows = query(f"SELECT * FROM receipt WHERE slot IN ({marks}) ORDER BY number", *slots)  # noqa: S608 - marks
        return [Receipt(**dict(row) | {"at": _instant(row["at"])}) for row in rows]

    # ---- reading ----------------------------------------------------------------------------------------------------

    def open(self) -> list[Slot]:
        """What is planned or running, the earliest first."""
        return self._slots("WHERE finished IS NULL ORDER BY due, number")

    def history(self, client: str | None, limit: int) -> list[Slot]:
        """What was begun, ended or skipped, the newest first; of one client or of all."""
        if client is None:
            return self._slots("ORDER BY due DESC, number DESC LIMIT ?", limit)
        return self._slots("WHERE client = ? ORDER BY due DESC, number DESC LIMIT ?", client, limit)

    def last(self) -> dict[tuple[str, str], Slot]:
        """By client and schedule: the newest slot."""
        newest = self._slots(
            "WHERE (client, schedule, due) IN (SELECT client, schedule, max(due) FROM slot GROUP BY 1, 2)"
        )
        return {(slot.client, slot.schedule): slot for slot in newest}

    def paused(self) -> dict[tuple[str, str], datetime]:
        """By client and schedule: since when it is paused."""
        with self._reading() as query:
            rows = query("SELECT client, name, paused FROM schedule WHERE paused IS NOT NULL")
        return {(row["client"], row["name"]): _instant(row["paused"]) for row in rows}

    def _lives(self, slot: Slot, *, locked: bool = False) -> bool:
        """Whether the process that has a slot is still there."""
        mine = Process.current()
        if slot.pid is None or slot.birth is None or (slot.pid, slot.birth) == (mine.pid, mine.birth):
            return False  # this process asks because it wants the slot, so it is not at it
        alive = Process(slot.pid, slot.birth).is_alive()
        # From before a reboot, or from another container: who serves a slot holds the client's lock.
        return not locked and self.lock(slot.client).is_held() if alive is None else alive

    def _slots(self, rest: str, *values: Any) -> list[Slot]:
        with self._reading() as query:
            return [_slot(row) for row in query(f"SELECT * FROM slot {rest}", *values)]  # noqa: S608 - our own text

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with connect(self._path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[Callable[..., list[sqlite3.Row]]]:
        if not self._path.exists():
            yield lambda *_: []
            return
        with connect(self._path) as connection:
            yield lambda text, *values: connection.execute(text, values).fetchall()


def _one(connection: sqlite3.Connection, client: str, schedule: str, due: datetime) -> Slot:
    text = "SELECT * FROM slot WHERE client = ? AND schedule = ? AND due = ?"
    return _slot(connection.execute(text, (client, schedule, _text(due))).fetchone())


def _slot(row: sqlite3.Row) -> Slot:
    values = dict(row)
    for name in ("due", "started", "finished"):
        values[name] = _instant(values[name]) if values[name] else None
    return Slot(**values)


def _text(instant: datetime) -> str:
    """An instant as text that sorts as instants do: UTC, to the microsecond."""
    if instant.tzinfo is None:
        raise ConfigurationError(f"{instant.isoformat()} has no time zone", hint="write 2026-11-30T06:00:00Z")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
