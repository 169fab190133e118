"""The scheduler's process: one a project, signals, a configuration that changes, and failures."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import Busy
from workbench.fleet.lock import ClientLock
from workbench.schedules.book import SlotBook
from workbench.schedules.scheduler import Scheduler

START = datetime(2026, 11, 24, 5, 59, 30, tzinfo=UTC)
DAILY = {"daily": {"cron": "0 6 * * *", "templates": ["model_card"], "retries": 2}}
SERVED = "from workbench.schedules.serve import serve"


class StepClock:
    """Moves on by as much as somebody waits, and at least by a second; ``at`` runs something at an instant."""

    def __init__(self, now: datetime) -> None:
        self.time = now
        self.at: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self.time

    def wait(self, seconds: float, woken: threading.Event) -> None:
        self.time += timedelta(seconds=max(1.0, seconds))
        assert self.time < START + timedelta(minutes=20), "it does not end"
        for instant, action in list(self.at):
            if instant <= self.time:
                self.at.remove((instant, action))
                action()
        woken.wait(0.01)


def child(body: str) -> list[str]:
    """A command that serves a slot by these lines; they know ``book``, ``client``, ``name`` and ``due``."""
    head = (
        "import sys, os, time, pathlib, datetime\n"
        "from workbench.schedules.book import SlotBook\n"
        "client, name, _, due = sys.argv[1:]\n"
        "book, due = SlotBook(pathlib.Path.cwd()), datetime.datetime.fromisoformat(due)\n"
    )
    return [sys.executable, "-c", head + body]


DELIVER = child("slot = book.claim(client, name, due)\nassert book.end(slot, 'delivered')\n")


def states(project: Path) -> list[tuple[str, str, int]]:
    return [(slot.client, slot.state, slot.attempts) for slot in reversed(SlotBook(project).history(None, 99))]


def run(project: Path, clock: StepClock, until: datetime, command: list[str] = DELIVER, workers: int = 2) -> list[str]:
    said: list[str] = []
    SlotBook(project).known_since([("acme", "daily"), ("best", "daily")], START)
    Scheduler(project, workers=workers, clock=clock, command=command, tell=said.append).run(until)
    return said


def test_what_is_due_is_served_in_time(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY, best=DAILY), StepClock(START)
    said = run(project, clock, START + timedelta(minutes=2))
    assert states(project) == [("acme", "delivered", 1), ("best", "delivered", 1)]
    assert said[0] == "acme daily 2026-11-24T06:00Z: begins"
    assert not ClientLock(project / ".workbench" / "scheduler", "scheduler").is_held(), "another one may begin"


def test_a_second_scheduler_is_refused(fleet: Any) -> None:
    project = fleet(acme=DAILY)
    script = (
        "import sys, pathlib\nfrom workbench.schedules.scheduler import Scheduler\n"
        "print('up', flush=True)\nScheduler(pathlib.Path(sys.argv[1]), workers=1).run()\n"
    )
    first = subprocess.Popen([sys.executable, "-c", script, str(project)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    with first, contextlib.ExitStack() as at_last:
        at_last.callback(first.kill)
        assert first.stdout.readline() == "up\n"
        lock = project / ".workbench/scheduler/locks/scheduler.lock"
        deadline = time.monotonic() + 10
        while not (lock.exists() and lock.read_text()):
            assert time.monotonic() < deadline, "it has no lock"
            threading.Event().wait(0.02)
        with pytest.raises(Busy, match=rf"a scheduler of this project runs already.*kill {first.pid}"):
            run(project, StepClock(START), START)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0, "it ends well"
    run(project, StepClock(START), START)


def test_a_client_has_one_slot_at_a_time_and_its_process_no_other_clients_variables(
    fleet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two schedules that are due at once; each process says when it begins and ends, and what it sees."""
    project, clock = fleet(acme=DAILY | {"other": DAILY["daily"]}, best=DAILY), StepClock(START)
    for client in ("ACME", "BEST"):
        monkeypatch.setenv(f"{client}__PASSWORD", "canary")
    told = child(
        "import json\n"
        "seen = [word for word in ('ACME', 'BEST') if word + '__PASSWORD' in os.environ]\n"
        "def say(what): open('told', 'a').write(json.dumps([client, what, seen]) + '\\n')\n"
        "slot = book.claim(client, name, due)\nsay('begins')\ntime.sleep(0.5)\nsay('ends')\n"
        "assert book.end(slot, 'delivered')\n"
    )
    SlotBook(project).known_since([("acme", "other")], START)
    run(project, clock, START + timedelta(minutes=2), told, workers=3)
    lines = [json.loads(line) for line in (project / "told").read_text().splitlines()]
    assert [what for client, what, _ in lines if client == "acme"] == ["begins", "ends"] * 2
    assert all(seen == [client.upper()] for client, _, seen in lines)
    assert len(lines) == 6


def test_the_first_signal_lets_what_runs_come_to_its_end(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY, best=DAILY), StepClock(START)
    slow = child("slot = book.claim(client, name, due)\ntime.sleep(1)\nbook.end(slot, 'delivered')\n")
    clock.at.append((START + timedelta(seconds=40), lambda: signal.raise_signal(signal.SIGTERM)))
    run(project, clock, START + timedelta(days=9), slow, workers=1)
    assert states(project) == [("acme", "delivered", 1), ("best", "planned", 0)], "no other one was begun"


def test_the_second_signal_asks_it_to_stop(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)
    endless = child("book.claim(client, name, due)\ntime.sleep(8)\n")

    def twice() -> None:
        while not any(slot.state == "running" for slot in SlotBook(project).open()):
            threading.Event().wait(0.02)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    clock.at.append((START + timedelta(seconds=40), twice))
    said = run(project, clock, START + timedelta(days=9), endless)
    assert "ended with code -15" in said[-1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    SlotBook(project).reap(lambda _: 9)
    assert states(project) == [("acme", "planned", 1)]


def test_a_slot_whose_process_dies_is_begun_again_with_back_off_and_at_last_given_up(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)
    begun: list[datetime] = []
    deadly = child("book.claim(client, name, due)\nos.kill(os.getpid(), 9)\n")
    SlotBook(project).known_since([("acme", "daily")], START)
    tell = lambda line: begun.append(clock.now()) if "begins" in line else None  # noqa: E731
    Scheduler(project, workers=1, clock=clock, command=deadly, tell=tell).run(START + timedelta(minutes=2))
    assert states(project) == [("acme", "failed", 3)]
    gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(begun)]
    assert gaps[0] >= 15
    assert gaps[1] >= 30


def test_a_client_that_comes_is_served_and_one_that_breaks_stays_as_it_was(fleet: Any, caplog: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START - timedelta(minutes=4))

    def change() -> None:
        fleet(best=DAILY)
        (project / "conf/clients/acme/client.yml").write_text("id: [broken")

    clock.at.append((START - timedelta(minutes=2), change))
    run(project, clock, START + timedelta(minutes=1))
    assert states(project) == [("acme", "delivered", 1), ("best", "delivered", 1)]
    assert sum("its schedule stays as it was" in record.message for record in caplog.records) == 1


def test_a_clock_that_goes_back_does_not_keep_it_from_looking_again(fleet: Any) -> None:
    scheduler = Scheduler(fleet(acme=DAILY), workers=1)
    scheduler._look(START)
    fleet(best=DAILY)
    scheduler._look(START + timedelta(seconds=1))
    assert set(scheduler._clients) == {"acme"}, "not so soon"
    scheduler._look(START - timedelta(days=1))
    assert set(scheduler._clients) == {"acme", "best"}


def test_a_paused_schedule_waits_for_nobody(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)
    SlotBook(project).pause("acme", "daily")
    run(project, clock, START + timedelta(minutes=2))
    assert states(project) == []


def test_a_clock_that_goes_back_serves_nothing_twice(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)
    clock.at.append((START + timedelta(minutes=2), lambda: setattr(clock, "time", START - timedelta(minutes=2))))
    run(project, clock, START + timedelta(minutes=3))
    assert states(project) == [("acme", "delivered", 1)]


STUBBORN = child(
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "book.claim(client, name, due)\nopen('up', 'w').write('x')\ntime.sleep(8)\n"
)


def test_the_third_signal_kills_what_does_not_stop(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)

    def thrice() -> None:
        while not (project / "up").exists():
            threading.Event().wait(0.02)
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)

    clock.at.append((START + timedelta(seconds=40), thrice))
    began = time.monotonic()
    said = run(project, clock, START + timedelta(days=9), STUBBORN)
    assert time.monotonic() - began < 30
    assert "ended with code -9" in said[-1]


def test_a_hang_up_of_the_terminal_is_such_a_signal_too(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)

    def hang_up() -> None:
        assert callable(signal.getsignal(signal.SIGHUP)), "it would be the end of this process"
        signal.raise_signal(signal.SIGHUP)

    clock.at.append((START, hang_up))
    run(project, clock, START + timedelta(days=9))
    assert states(project) == [], "it ended before the first slot"


def test_a_signal_is_heeded_at_once(fleet: Any) -> None:
    """A scheduler with nothing to do sleeps for as long as nothing is due."""
    timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM])
    began = time.monotonic()
    timer.start()
    Scheduler(fleet(), workers=1).run()
    timer.join()
    assert time.monotonic() - began < 5


def test_a_scheduler_that_breaks_asks_what_runs_to_hand_its_slot_back(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START)
    endless = child("open('pid', 'w').write(str(os.getpid()))\ntime.sleep(8)\n")

    def broken() -> None:
        while not (project / "pid").exists() or not (project / "pid").read_text():
            threading.Event().wait(0.02)
        raise RuntimeError("no disk")

    clock.at.append((START + timedelta(seconds=40), broken))
    scheduler = Scheduler(project, workers=1, clock=clock, command=endless, tell=lambda _: None)
    SlotBook(project).known_since([("acme", "daily")], START)
    with pytest.raises(RuntimeError, match="no disk"):
        scheduler.run()
    (begun,) = scheduler._children.values()
    assert begun._process.wait(20) == -signal.SIGTERM


def test_no_more_slots_are_served_at_once_than_there_are_workers(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY, best=DAILY, cosy=DAILY), StepClock(START)
    told = child(
        "import uuid\nslot = book.claim(client, name, due)\nhere = pathlib.Path(f'at-{client}')\nhere.touch()\n"
        "time.sleep(0.3)\nopen('told', 'a').write(f'{len(list(pathlib.Path().glob(\"at-*\")))}\\n')\nhere.unlink()\n"
        "assert book.end(slot, 'delivered')\n"
    )
    SlotBook(project).known_since([("cosy", "daily")], START)
    run(project, clock, START + timedelta(minutes=2), told, workers=1)
    assert (project / "told").read_text().split() == ["1"] * 3


def test_a_slot_whose_schedule_was_taken_out_waits_for_its_return(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY, best=DAILY), StepClock(START)
    book = SlotBook(project)
    for client in ("acme", "gone"):
        book.plan([(client, "weekly", START - timedelta(hours=1))], [])
    clock.at.append((START + timedelta(minutes=2), lambda: signal.raise_signal(signal.SIGTERM)))
    run(project, clock, START + timedelta(minutes=5))
    waiting = {(slot.client, slot.schedule) for slot in book.open()}
    assert waiting == {("acme", "weekly"), ("gone", "weekly")}
    assert {slot.client for slot in book.history(None, 9) if slot.state == "delivered"} == {"acme", "best"}


def test_a_slot_that_comes_while_the_scheduler_looks_is_served_before_it_ends(fleet: Any) -> None:
    class Hurried(StepClock):
        """Each look at it takes a while."""

        def now(self) -> datetime:
            self.time += timedelta(seconds=20)
            return self.time

    project = fleet(acme=DAILY)
    run(project, Hurried(START - timedelta(seconds=15)), START + timedelta(seconds=35))
    assert states(project) == [("acme", "delivered", 1)]


def test_a_signal_wakes_once(fleet: Any) -> None:
    """Else the scheduler would look again and again, without a pause, until what runs has come to its end."""
    woken_before: list[bool] = []

    class Watched(StepClock):
        def wait(self, seconds: float, woken: threading.Event) -> None:
            woken_before.append(woken.is_set())
            super().wait(seconds, woken)

    project, clock = fleet(acme=DAILY), Watched(START)
    slow = child("slot = book.claim(client, name, due)\ntime.sleep(0.3)\nbook.end(slot, 'delivered')\n")
    clock.at.append((START + timedelta(seconds=40), lambda: signal.raise_signal(signal.SIGTERM)))
    run(project, clock, START + timedelta(days=9), slow, workers=1)
    assert len(woken_before) > 5
    assert not any(woken_before)


def test_no_slot_after_the_end_is_served(fleet: Any) -> None:
    project, clock = fleet(acme=DAILY), StepClock(START + timedelta(minutes=5))
    SlotBook(project).known_since([("acme", "daily")], START)
    run(project, clock, START)
    assert states(project) == []


def test_the_longest_wait_is_an_hour(fleet: Any) -> None:
    scheduler = Scheduler(fleet(acme=DAILY), workers=1, clock=StepClock(START))
    for failures in (8, 60, 5000):
        assert timedelta(minutes=30) <= scheduler._back_off(failures) <= timedelta(hours=1)


def test_it_sleeps_until_the_next_slot_and_not_while_one_is_left(fleet: Any) -> None:
    scheduler = Scheduler(fleet(acme=DAILY), workers=1, clock=StepClock(START + timedelta(seconds=20)))
    scheduler._look(START)
    assert scheduler._pause() == 10, "until six o'clock"
    SlotBook(fleet()).plan([("acme", "daily", START - timedelta(days=1))], [])
    assert scheduler._pause() == 1
    scheduler = Scheduler(fleet(), workers=1, clock=StepClock(START + timedelta(minutes=1)))
    assert scheduler._pause() <= 20, "the configuration is looked at again"


def test_a_slot_that_another_process_serves_is_waited_for(fleet: Any) -> None:
    """That of a scheduler which was killed: the slot is begun again when it is dead, and not before."""
    project, clock = fleet(acme=DAILY), StepClock(START)
    served = child("book.claim(client, name, due)\nprint('up', flush=True)\ntime.sleep(60)\n")
    words = [*served, "acme", "daily", "--due", "2026-11-24T06:00:00+00:00"]
    with subprocess.Popen(words, cwd=project, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"up\n"
        clock.at.append((START + timedelta(minutes=3), other.kill))
        said = run(project, clock, START + timedelta(minutes=1))
    assert [line for line in said if line.endswith("begins")] == ["acme daily 2026-11-24T06:00Z: begins"]
    assert states(project) == [("acme", "delivered", 2)]
