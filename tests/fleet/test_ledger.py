from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import Busy, ConfigurationError
from workbench.fleet import ledger as ledger_module
from workbench.fleet import schema
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.plan import Cell, unfinished
from workbench.fleet.process import Process
from workbench.fleet.run import Outcome, Run
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state" / "ledger.db")


def as_another(monkeypatch: pytest.MonkeyPatch, process: Process, act: Callable[[], object]) -> object:
    """What another process would write."""
    with monkeypatch.context() as patch:
        patch.setattr(Process, "current", classmethod(lambda cls: process))
        return act()


def dead() -> Process:
    """A process that is gone."""
    here = Process.current().birth.rpartition("/")[0]
    return Process(os.getpid(), f"{here}/1")


def test_one_run_from_start_to_end(ledger: Ledger) -> None:
    number = ledger.start("skyways", "train")
    (run,) = ledger.last()
    assert (run.state, run.pid, run.finished) == ("running", os.getpid(), None)
    ledger.describe(number, partial=True, git_commit="abc-dirty", config_digest="123")
    outcome = Outcome(mlflow_run="m", champion=3, metric="roc_auc", value=0.75, peak_mib=812.5)
    assert ledger.finish(number, "succeeded", seconds=1.5, outcome=outcome)
    (run,) = ledger.last()
    assert (run.state, run.seconds, run.partial, run.error) == ("succeeded", 1.5, True, None)
    assert (run.git_commit, run.config_digest) == ("abc-dirty", "123")
    assert Outcome(run.mlflow_run, run.champion, run.metric, run.value, peak_mib=run.peak_mib) == outcome
    assert run.to_dict()["peak_mib"] == 812.5


def test_looking_does_not_make_a_file(ledger: Ledger) -> None:
    assert ledger.last() == ledger.history("skyways") == []
    assert ledger.durations() == {}
    assert not ledger.path.exists()


def test_the_order_is_that_of_the_counter_when_the_clock_goes_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for now, state in (("2026-03-29T12:00:00+00:00", "failed"), ("2026-03-29T11:00:00+00:00", "succeeded")):
        monkeypatch.setattr(ledger_module, "_now", lambda now=now: now)
        ledger.finish(ledger.start("skyways", "train"), state, seconds=1)
    assert [run.state for run in ledger.last()] == ["succeeded"]
    assert [run.state for run in ledger.history("skyways")] == ["succeeded", "failed"]


def test_a_run_whose_process_is_gone_reads_as_crashed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    number = as_another(monkeypatch, dead(), lambda: ledger.start("skyways", "train"))
    (run,) = ledger.last()
    assert (run.number, run.state, run.error) == (
        number,
        "crashed",
        f"process {os.getpid()} was killed, or died, without a word",
    )
    assert run.finished is not None


def test_a_run_that_was_taken_for_dead_changes_nothing_when_it_wakes_up(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = as_another(monkeypatch, dead(), lambda: ledger.start("skyways", "train"))
    ledger.reap()
    assert not as_another(monkeypatch, dead(), lambda: ledger.finish(number, "succeeded", seconds=1))
    assert [run.state for run in ledger.last()] == ["crashed"]


def test_nobody_ends_another_processs_run(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    number = ledger.start("skyways", "train")
    other = replace(Process.current(), pid=1)
    assert not as_another(monkeypatch, other, lambda: ledger.finish(number, "failed", seconds=1))
    assert [run.state for run in ledger.last()] == ["running"]


def test_a_run_of_another_boot_lives_as_long_as_its_lock_is_held(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = ClientLock(ledger.path.parent, "skyways")
    lock.acquire("train")
    as_another(monkeypatch, Process(1, "before-the-reboot/pid:[1]/1"), lambda: ledger.start("skyways", "train"))
    assert [run.state for run in ledger.last()] == ["running"]
    lock.release()
    assert [run.state for run in ledger.last()] == ["crashed"]


def test_a_plan_is_taken_over_closed_or_cancelled(ledger: Ledger) -> None:
    first, second, third = ledger.plan([("alpha", "act"), ("beta", "act"), ("gamma", "act")])
    assert [run.state for run in ledger.last()] == ["planned"] * 3
    assert ledger.start("alpha", "act", first) == first
    assert ledger.close(second, "failed", "it never began")
    ledger.cancel([first, second, third], "not started")
    assert [(run.state, run.error) for run in ledger.get([first, second, third])] == [
        ("running", None),
        ("failed", "it never began"),
        ("cancelled", "not started"),
    ]
    # What never started is not the last run of anything.
    assert [run.client for run in ledger.last()] == ["alpha", "beta"]


def test_what_a_dead_fleet_planned_is_cancelled(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.finish(ledger.start("alpha", "act"), "succeeded", seconds=1)
    (number,) = as_another(monkeypatch, dead(), lambda: ledger.plan([("alpha", "act")]))
    assert [run.state for run in ledger.last()] == ["succeeded"]
    assert [run.state for run in ledger.get([number])] == ["cancelled"]


def test_a_parent_knows_better_than_a_look_but_not_than_the_run(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = as_another(monkeypatch, dead(), lambda: ledger.start("skyways", "train"))
    ledger.reap()
    assert ledger.close(number, "crashed", "killed by SIGSEGV", seconds=2)
    assert [run.error for run in ledger.last()] == ["killed by SIGSEGV"]
    done = ledger.start("skyways", "train")
    ledger.finish(done, "succeeded", seconds=1)
    assert not ledger.close(done, "crashed", "killed by SIGSEGV")
    assert [run.state for run in ledger.last()] == ["succeeded"]


def test_the_last_fleet_run_has_its_retries_and_what_did_not_succeed_in_the_end(ledger: Ledger) -> None:
    ledger.plan([("alpha", "act")])
    first, second = ledger.plan([("alpha", "act"), ("beta", "act")])
    for number, client in ((first, "alpha"), (second, "beta")):
        ledger.start(client, "act", number)
        ledger.finish(number, "failed", seconds=1)
    (retry,) = ledger.plan([("beta", "act")], 2, first)
    ledger.start("beta", "act", retry)
    ledger.finish(retry, "succeeded", seconds=1)
    rows = ledger.last_fleet()
    assert [(row.number, row.attempt) for row in rows] == [(first, 1), (second, 1), (retry, 2)]
    assert [cell.client for cell in unfinished(rows, {})] == ["alpha"]


def test_durations_are_those_of_the_last_whole_success(ledger: Ledger) -> None:
    for state, seconds, partial in (
        ("succeeded", 5, False),
        ("succeeded", 7, False),
        ("succeeded", 1, True),
        ("failed", 2, False),
    ):
        number = ledger.start("skyways", "train")
        ledger.describe(number, partial=partial, git_commit=None, config_digest=None)
        ledger.finish(number, state, seconds=seconds)
    quick = ledger.start("skyways", "train")
    ledger.finish(quick, "succeeded", seconds=0.1, outcome=Outcome(ran=1, skipped=9))  # it skipped what was done
    assert ledger.durations() == {("skyways", "train"): 7}


CELLS = st.tuples(st.sampled_from(["alpha", "beta"]), st.sampled_from(["act", "gate"]))
ENDS = st.sampled_from(["succeeded", "failed", "cancelled", "crashed", None])


@settings(max_examples=15, deadline=None)  # each row waits for the disk
@given(st.lists(st.tuples(CELLS, ENDS), max_size=8))
def test_last_is_the_newest_of_each_cell(history: list[tuple[tuple[str, str], str | None]]) -> None:
    expected: dict[tuple[str, str], tuple[int, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.db")
        for cell, end in history:
            number = ledger.start(*cell)
            if end is not None:
                assert ledger.finish(number, end, seconds=0)
            expected[cell] = (number, end or "running")
        found = {(run.client, run.pipeline): (run.number, run.state) for run in ledger.last()}
    assert found == expected
    assert list(found) == sorted(found)


def test_eight_processes_may_make_it_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from workbench.fleet.ledger import Ledger; input();"
        "ledger = Ledger(Path(sys.argv[1])); ledger.finish(ledger.start(sys.argv[2], 'train'), 'succeeded', seconds=1)"
    )
    path = tmp_path / "new" / "ledger.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), f"client_{i}"], stdin=subprocess.PIPE)
        for i in range(8)
    ]
    for writer in writers:
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0] * 8
    assert [(run.client, run.state) for run in Ledger(path).last()] == [(f"client_{i}", "succeeded") for i in range(8)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_it_waits_for_another_process_that_is_making_the_file(ledger: Ledger, lock: str) -> None:
    ledger.path.parent.mkdir()
    with closing(sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute(f"BEGIN {lock}")
        timer = Timer(0.3, lambda: other.execute("COMMIT"))
        timer.start()
        assert ledger.start("skyways", "train") == 1
        timer.join()


def test_what_sqlite_says_is_explained(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.start("skyways", "train")
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match="another process has been writing the ledger for too long"):
            ledger.start("skyways", "train")
    with closing(sqlite3.connect(ledger.path)) as newer:
        newer.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigurationError, match="has version 99, .* use the newer workbench"):
        ledger.last()
    ledger.path.write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match="damaged"):
        ledger.last()
    ledger.path.unlink()
    ledger.path.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        ledger.last()


def test_a_half_row_is_refused_by_the_file_itself(ledger: Ledger) -> None:
    number = ledger.start("skyways", "train")
    with closing(sqlite3.connect(ledger.path)) as connection:
        for change in ("state = 'succeeded'", "finished = 'now'", "state = 'gone'", "started = NULL"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(f"UPDATE run SET {change} WHERE number = {number}")


def test_the_last_runs_are_found_by_an_index_alone(ledger: Ledger) -> None:
    ledger.start("skyways", "train")
    with closing(sqlite3.connect(ledger.path)) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {ledger_module._LAST}"))
    assert "USING COVERING INDEX run_by_cell" in plan
    assert "TEMP B-TREE" not in plan


def test_who_keeps_it_open_keeps_the_log_between_the_transactions_of_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    log = tmp_path / "ledger.db-wal"
    ledger.start("gamma", "train")
    with ledger.kept_open():
        ledger.start("alpha", "train")
        first = log.stat().st_ino
        ledger.start("beta", "train")
        assert log.stat().st_ino == first
    assert not log.exists()
    assert [run.client for run in ledger.last()] == ["alpha", "beta", "gamma"]


@pytest.mark.integration
def test_a_fleet_run_keeps_it_open(tiny: Path) -> None:
    class Onlooker(View):
        def ended(self, run: Run) -> None:
            seen.append((state_folder(tiny) / "ledger.db-wal").exists())

    seen: list[bool] = []
    Fleet(tiny, [Cell("alpha", "act")], workers=1, max_failures=None, view=Onlooker()).run()
    assert seen == [True]
