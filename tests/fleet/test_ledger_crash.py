"""Kill a writer at any moment: what it was told is written is there, and nothing is there by half."""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError
from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Outcome

KILLS = 25


def write(ledger: Ledger) -> int:
    number = ledger.start("skyways", "train")
    ledger.describe(number, partial=False, git_commit="c" * 40, config_digest="d" * 64)
    ledger.finish(number, "succeeded", seconds=1, outcome=Outcome("m", number, "roc_auc", 0.5))
    return number


def write_until_killed(ledger: Ledger, acknowledge: int) -> None:
    while True:
        os.write(acknowledge, write(ledger).to_bytes(4, "big"))


def test_kill_minus_nine_at_any_moment(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    moments = random.Random(17)
    begun = time.monotonic()
    acknowledged = [write(ledger)]
    one_write = time.monotonic() - begun
    for _ in range(KILLS):
        ours, theirs = os.pipe()
        writer = os.fork()
        if writer == 0:
            write_until_killed(ledger, theirs)
        os.close(theirs)
        # After its first row, so that the moment lies anywhere in the writing of one.
        acknowledged.append(int.from_bytes(os.read(ours, 4), "big"))
        time.sleep(moments.uniform(0, one_write))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        while select.select([ours], [], [], 0)[0] and (four := os.read(ours, 4)):
            acknowledged.append(int.from_bytes(four, "big"))
        os.close(ours)

        ledger.reap()
        states = {run.number: run for run in ledger.history("skyways", limit=100_000)}
        assert all(states[number].state == "succeeded" for number in acknowledged)
        for run in states.values():
            if run.state == "succeeded":
                assert (run.champion, run.git_commit, run.config_digest) == (run.number, "c" * 40, "d" * 64)
            else:
                assert (run.state, run.champion) == ("crashed", None)
    assert any(run.state == "crashed" for run in states.values()), "no kill fell into a write"
    with closing(sqlite3.connect(ledger.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_when_the_disk_takes_no_more_the_error_says_so_and_what_was_written_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    write(ledger)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.path.stat().st_size, hard))
    try:
        with pytest.raises(ConfigurationError, match="the run ledger cannot be used .* look if the disk is full"):
            ledger.plan(("skyways", "train") for _ in range(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [run.number for run in ledger.history("skyways")] == [1]
    assert write(ledger) == 2
