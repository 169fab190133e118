"""Slots of cron expressions, across changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from workbench.schedules.cron import Cron

EXPRESSIONS = ["30 2 * * *", "0 6 * * 1", "*/15 * * * *", "0 0 1 * *", "5 4 * * 0", "0 1,2,3 * * *", "59 23 31 12 *"]
ZONES = ["UTC", "America/New_York", "Europe/Zurich", "Australia/Lord_Howe", "Asia/Kolkata"]
crons = st.builds(Cron, st.sampled_from(EXPRESSIONS), st.sampled_from(ZONES))
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_one_is_monday() -> None:
    """Not to all libraries: APScheduler takes 0 for Monday."""
    assert Cron("0 6 * * 1", "UTC").next(utc("2026-11-24")) == utc("2026-11-30T06:00")
    assert utc("2026-11-30").weekday() == 0


def test_a_skipped_hour_runs_right_after_it() -> None:
    slots = list(islice(Cron("30 2 * * *", "America/New_York").after(utc("2026-03-07T12:00")), 2))
    assert slots == [utc("2026-03-08T07:00"), utc("2026-03-09T06:30")]


def test_a_repeated_hour_runs_once() -> None:
    slots = list(islice(Cron("30 1 * * *", "America/New_York").after(utc("2026-10-31T12:00")), 2))
    assert slots == [utc("2026-11-01T05:30"), utc("2026-11-02T06:30")]
    again = utc("2026-11-01T06:00")  # the clock on the wall says 01:00 for the second time
    assert Cron("30 1 * * *", "America/New_York").next(again) == utc("2026-11-02T06:30")


def test_the_instant_itself_is_the_latest_slot_and_not_the_next() -> None:
    cron, slot = Cron("0 6 * * *", "UTC"), utc("2026-11-24T06:00")
    assert cron.latest(slot) == slot
    assert cron.latest(slot - timedelta(microseconds=1)) == slot - timedelta(days=1)
    assert cron.next(slot) == slot + timedelta(days=1)


@given(crons, instants)
def test_forwards_and_backwards_are_the_same_slots(cron: Cron, instant: datetime) -> None:
    forward = list(islice(cron.after(instant), 5))
    assert forward == sorted(set(forward)), "in order, none twice"
    assert forward[0] > instant
    assert cron.missed(instant, forward[-1], 100) == forward
    assert all(cron.latest(slot) == slot for slot in forward)


@given(crons, instants, st.lists(st.integers(1, 100_000), min_size=1, max_size=20))
def test_no_way_to_look_at_the_time_loses_a_slot_or_sees_one_twice(
    cron: Cron, start: datetime, steps: list[int]
) -> None:
    seen, since, now = [], start, start
    for minutes in steps:
        now += timedelta(minutes=minutes)
        new = cron.missed(since, now, 1_000_000 if "*/15" not in cron.expression else 100_000)
        seen += new
        since = new[-1] if new else since
    assert seen == cron.missed(start, now, 1_000_000)


def test_the_newest_are_kept_when_there_are_too_many() -> None:
    cron = Cron("* * * * *", "UTC")
    found = cron.missed(utc("2020-01-01"), utc("2026-01-01"), 3)
    assert found == [utc("2025-12-31T23:58"), utc("2025-12-31T23:59"), utc("2026-01-01T00:00")]
