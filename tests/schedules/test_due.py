"""What becomes of slots that passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.clients.schedule import Schedule
from workbench.schedules.cron import Cron
from workbench.schedules.due import CATCH_UP, due_slots

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def hourly(missed: str, grace: int = 15) -> Schedule:
    return Schedule(cron="0 * * * *", missed=missed, grace_minutes=grace)  # type: ignore[arg-type]


@pytest.mark.parametrize(("missed", "served"), [("all", [9, 10, 11, 12]), ("last", [12]), ("skip", [12])])
def test_a_slot_on_time_is_served_whatever_was_missed(missed: str, served: list[int]) -> None:
    due = due_slots(hourly(missed), NOON - timedelta(hours=4), NOON + timedelta(minutes=5))
    assert [slot.hour for slot in due.served] == served
    assert [slot.hour for slot, _ in due.skipped] == [hour for hour in (9, 10, 11, 12) if hour not in served]


@pytest.mark.parametrize(("missed", "served"), [("all", [10, 11, 12]), ("last", [12]), ("skip", [])])
def test_when_all_are_late(missed: str, served: list[int]) -> None:
    due = due_slots(hourly(missed), NOON - timedelta(hours=3), NOON + timedelta(minutes=16))
    assert [slot.hour for slot in due.served] == served


@pytest.mark.parametrize(("seconds", "served"), [(0, [12]), (1, [])])
def test_the_grace_is_over_after_its_last_minute(seconds: int, served: list[int]) -> None:
    due = due_slots(hourly("skip"), NOON - timedelta(minutes=1), NOON + timedelta(minutes=15, seconds=seconds))
    assert [slot.hour for slot in due.served] == served


def test_a_clock_that_goes_back_makes_nothing_due() -> None:
    assert due_slots(hourly("all"), NOON, NOON - timedelta(hours=5)) == due_slots(hourly("all"), NOON, NOON)


def test_a_job_of_each_minute_is_not_caught_up_for_a_year() -> None:
    schedule = Schedule(cron="* * * * *", missed="all")
    assert len(due_slots(schedule, NOON - timedelta(days=365), NOON).served) == CATCH_UP


@given(
    st.sampled_from(["all", "last", "skip"]), st.integers(0, 90), st.integers(0, 3000),
)  # fmt: skip
def test_each_slot_is_served_or_skipped_with_a_reason(missed: str, grace: int, minutes: int) -> None:
    schedule = hourly(missed, grace)
    now = NOON + timedelta(minutes=minutes)
    due = due_slots(schedule, NOON, now)
    named = sorted([*due.served, *(slot for slot, _ in due.skipped)])
    assert named == Cron("0 * * * *", "UTC").missed(NOON, now, 1000)
    assert list(due.served) == sorted(due.served)
    assert all(why for _, why in due.skipped)
