"""The ledger of slots: who may serve one, and what a death leaves behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workbench.errors import Busy, ConfigurationError
from workbench.schedules.book import SlotBook

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> SlotBook:
    return SlotBook(tmp_path)


def test_a_schedule_counts_from_when_it_was_first_seen(book: SlotBook) -> None:
    pair = ("acme", "weekly")
    assert book.known_since([pair], NOON, remember=False) == {}
    assert book.known_since([pair], NOON) == {pair: NOON}
    assert book.known_since([pair], NOON + timedelta(days=9)) == {pair: NOON}
    book.plan([(*pair, NOON + timedelta(hours=1))], [])
    assert book.known_since([pair], NOON) == {pair: NOON + timedelta(hours=1)}


def test_planning_a_slot_twice_is_one_slot(book: SlotBook) -> None:
    book.plan([("acme", "weekly", NOON)], [])
    book.plan([("acme", "weekly", NOON)], [("acme", "weekly", NOON, "late")])
    assert [(slot.state, slot.due) for slot in book.open()] == [("planned", NOON)]


def test_slots_are_planned_all_or_none(book: SlotBook) -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        book.plan([("acme", "weekly", datetime(2026, 11, 24))], [("acme", "weekly", NOON, "late")])
    assert book.history(None, 9) == []


def test_an_instant_is_the_same_slot_on_every_clock(book: SlotBook) -> None:
    book.plan([("acme", "weekly", NOON.astimezone(ZoneInfo("Asia/Tokyo")))], [])
    book.plan([("acme", "weekly", NOON)], [])
    assert [slot.due for slot in book.open()] == [NOON]


def test_a_clients_history_has_no_other_clients_slots(book: SlotBook) -> None:
    book.plan([(client, "weekly", NOON) for client in ("acme", "best")], [])
    assert [slot.client for slot in book.history("acme", 9)] == ["acme"]
    assert {slot.client for slot in book.history(None, 9)} == {"acme", "best"}


def test_who_only_looks_writes_nothing(book: SlotBook, tmp_path: Path) -> None:
    assert (book.open(), book.history("acme", 9), book.last(), book.paused()) == ([], [], {}, {})
    assert list(tmp_path.iterdir()) == []


def test_of_two_who_change_it_at_once_the_second_waits(book: SlotBook) -> None:
    """If both first looked, both would find the slot free."""
    book.plan([("acme", "weekly", NOON)], [])
    second = sqlite3.connect(book._path, timeout=0)
    with book._transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("BEGIN IMMEDIATE")
    second.close()


def test_a_slot_is_served_by_one_process(book: SlotBook, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, datetime as d\n"
        "from workbench.schedules.book import SlotBook\n"
        "SlotBook(pathlib.Path(sys.argv[1])).claim('acme', 'weekly', d.datetime.fromisoformat(sys.argv[2]))\n"
        "print('claimed', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), NOON.isoformat()]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    with other, other.stdout:
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(Busy, match=f"process {other.pid} is serving it"):
            book.claim("acme", "weekly", NOON)
        book.reap(lambda _: 9)
        assert book.open()[0].state == "running", "a living process keeps its slot"
        other.send_signal(signal.SIGKILL)
        other.wait()
    book.reap(lambda _: 9)
    assert [(slot.state, slot.attempts, slot.reason) for slot in book.open()] == [("planned", 1, "its process died")]
    slot = book.claim("acme", "weekly", NOON)
    assert slot is not None
    assert (slot.attempts, slot.pid) == (2, os.getpid())


def test_a_slot_whose_process_dies_again_and_again_is_given_up(book: SlotBook) -> None:
    child = os.fork()
    if child == 0:
        book.claim("acme", "weekly", NOON)
        os._exit(0)
    os.waitpid(child, 0)
    book.reap(lambda _: 1)
    (slot,) = book.history("acme", 9)
    assert (slot.state, slot.reason) == ("failed", "its process died, the last of 1 attempts")
    assert book.claim("acme", "weekly", NOON) is None
    assert book.claim("acme", "weekly", NOON, again=True) is not None


def test_what_is_done_is_not_claimed(book: SlotBook) -> None:
    slot = book.claim("acme", "weekly", NOON)
    assert slot is not None
    assert book.end(slot, "delivered")
    assert book.open() == []
    assert not book.end(slot, "failed", "too late"), "it has ended"
    assert book.claim("acme", "weekly", NOON, again=True) is None
    assert book.history(None, 9)[0].state == "delivered"


def test_what_was_skipped_is_not_claimed(book: SlotBook) -> None:
    book.plan([], [("acme", "weekly", NOON, "no scheduler ran")])
    assert book.claim("acme", "weekly", NOON) is None
    assert book.claim("acme", "weekly", NOON, again=True) is None
    assert book.history(None, 9)[0].state == "skipped"


def test_a_process_takes_its_own_slot_once_more(book: SlotBook) -> None:
    """Its end could not be written down: it waits for nobody but itself."""
    book.claim("acme", "weekly", NOON)
    slot = book.claim("acme", "weekly", NOON)
    assert slot is not None
    assert slot.attempts == 2


def test_of_a_process_that_cannot_be_seen_the_clients_lock_says_if_it_lives(
    book: SlotBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in another container, or from before a reboot."""
    child = os.fork()
    if child == 0:
        book.claim("acme", "weekly", NOON)
        os._exit(0)
    os.waitpid(child, 0)
    monkeypatch.setattr("workbench.schedules.book.Process.is_alive", lambda _: None)
    holds = (
        "import pathlib, sys\nfrom workbench.schedules.book import SlotBook\n"
        "SlotBook(pathlib.Path(sys.argv[1])).lock('acme').acquire('elsewhere')\nprint('up', flush=True)\ninput()\n"
    )
    command = [sys.executable, "-c", holds, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"up\n"
        with pytest.raises(Busy, match="is serving it"):
            book.claim("acme", "weekly", NOON)
        other.kill()
    assert book.claim("acme", "weekly", NOON) is not None


def test_a_receipt_is_one_for_each_recipient_and_says_what_is_so_now(book: SlotBook) -> None:
    slot = book.claim("acme", "weekly", NOON)
    assert slot is not None
    for digest in ("a", "b"):
        book.sending(slot, "mail", "ann", digest=digest, templates="t@0")
        (receipt,) = book.receipts([slot.number])
        assert (receipt.state, receipt.digest, receipt.result) == ("sending", digest, None)
        book.sent(slot, "mail", "ann", "failed", "no such mailbox")
    book.sending(slot, "mail", "bob", digest="b", templates="t@0")
    assert [(one.recipient, one.state) for one in book.receipts([slot.number])] == [
        ("ann", "failed"),
        ("bob", "sending"),
    ]


def test_what_becomes_of_one_delivery_says_nothing_of_another(book: SlotBook) -> None:
    """Or one that went out would be sent again, and one that did not would count as sent."""
    slots = [book.claim("acme", "weekly", NOON), book.claim("acme", "daily", NOON)]
    every = [(slot, place, who) for slot in slots for place in ("mail", "site") for who in ("ann", "bob")]
    for slot, place, who in every:
        assert slot is not None
        book.sending(slot, place, who, digest="a", templates="t@0")
    slot, place, who = every[0]
    assert slot is not None
    book.sent(slot, place, who, "sent", "ok")
    numbers = [one.number for one in slots if one is not None]
    assert [one.state for one in book.receipts(numbers)] == ["sent", *["sending"] * 7]
    book.sending(slot, place, who, digest="b", templates="t@0")
    assert [one.digest for one in book.receipts(numbers)] == ["b", *["a"] * 7]


@pytest.mark.parametrize("changed", [{"pid": 1}, {"birth": "another boot"}])
def test_only_who_has_a_slot_ends_it(book: SlotBook, changed: dict[str, Any]) -> None:
    """One that hung for so long that another process has its slot by now, or one of before with the same number."""
    slot = book.claim("acme", "weekly", NOON)
    assert slot is not None
    assert not book.end(replace(slot, **changed), "failed", "too late")
    assert book.open()[0].state == "running"
    assert book.end(slot, "delivered")


def test_a_paused_schedule_goes_on_from_when_it_is_resumed(book: SlotBook) -> None:
    pair = ("acme", "weekly")
    book.known_since([pair], NOON - timedelta(days=900))
    book.resume(*pair)
    assert book.known_since([pair], NOON) == {pair: NOON - timedelta(days=900)}, "what runs is not moved on"
    book.pause(*pair)
    assert book.known_since([pair], NOON) == {}
    assert set(book.paused()) == {pair}
    since = book.paused()[pair]
    book.pause(*pair)
    assert book.paused()[pair] == since, "it is paused since it was first paused"
    before = datetime.now(UTC)
    book.plan([(*pair, NOON - timedelta(days=90))], [])
    book.resume(*pair)
    assert book.known_since([pair], NOON)[pair] >= before, "what came in between is not caught up"


def test_who_pauses_one_schedule_pauses_no_other(book: SlotBook) -> None:
    pairs = [("acme", "weekly"), ("acme", "daily"), ("best", "weekly")]
    book.known_since(pairs, NOON)
    book.pause(*pairs[0])
    assert set(book.known_since(pairs, NOON)) == set(pairs[1:])
    for pair in pairs[1:]:
        book.pause(*pair)
    book.resume(*pairs[0])
    assert set(book.paused()) == set(pairs[1:])


def test_a_time_without_a_zone_is_refused(book: SlotBook) -> None:
    with pytest.raises(ConfigurationError, match="has no time zone"):
        book.claim("acme", "weekly", datetime(2026, 11, 24))


def test_an_older_ledger_gets_the_new_tables(tmp_path: Path) -> None:
    from workbench.fleet import schema
    from workbench.fleet.ledger import Ledger

    ledger = Ledger.of(tmp_path)
    ledger.path.parent.mkdir()
    old = sqlite3.connect(ledger.path)
    for statement in schema.MIGRATIONS[0].split(";"):
        old.execute(statement)
    old.execute("PRAGMA user_version=1")
    old.execute("INSERT INTO run (client, pipeline, state, started, finished, pid, birth, host) "
                "VALUES ('acme', 'train', 'succeeded', 'x', 'y', 1, 'b', 'h')")  # fmt: skip
    old.commit()
    old.close()
    book = SlotBook(tmp_path)
    book.plan([("acme", "weekly", NOON)], [])
    assert len(book.open()) == 1
    assert [run.pipeline for run in ledger.last()] == ["train"]
