"""What servers took, in the ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.fleet import memory
from workbench.fleet.ledger import Ledger
from workbench.fleet.record import RunRecord
from workbench.fleet.run import Outcome
from workbench.fleet.schema import transaction


def test_the_most_of_a_version_is_kept(tmp_path: Path) -> None:
    assert memory.recall(tmp_path, "alpha", 1) is None
    memory.record(tmp_path, "alpha", 1, 300.0)
    memory.record(tmp_path, "alpha", 1, 200.0)
    found = memory.recall(tmp_path, "alpha", 1)
    assert found is not None
    assert (found.version, found.mib) == (1, 300.0)
    memory.record(tmp_path, "alpha", 1, 310.5)
    again = memory.recall(tmp_path, "alpha", 1)
    assert again is not None
    assert again.mib == 310.5
    assert memory.recall(tmp_path, "beta", 1) is None


def test_another_version_stands_in_and_the_newest_first(tmp_path: Path) -> None:
    for version, mib in ((1, 100.0), (2, 200.0), (3, 300.0)):
        memory.record(tmp_path, "alpha", version, mib)
    asked = [memory.recall(tmp_path, "alpha", version) for version in (2, 9)]
    assert [one and one.mib for one in asked] == [200.0, 300.0]


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_a_peak_is_not_forgotten_when_the_memory_is_given_back() -> None:
    code = "x = bytearray(200_000_000); del x; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = memory.peak_of(child.pid)
        child.communicate(b"\n")
    assert found is not None
    assert 195 < found < 400
    assert memory.peak_of_children() >= found - 1
    assert memory.peak_of(child.pid) is None


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_a_run_says_what_its_process_took_at_most(tmp_path: Path) -> None:
    """Of the process itself, and not of what started it."""
    code = (
        "import sys; from pathlib import Path; from workbench.fleet.record import RunRecord\n"
        "record = RunRecord(Path(sys.argv[1]), 'alpha', 'act'); x = bytearray(200_000_000); del x; record.succeed()"
    )
    ballast = bytearray(400_000_000)
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    del ballast
    (run,) = Ledger.of(tmp_path).last()
    assert run.peak_mib is not None
    assert 195 < run.peak_mib < 380
    assert run.to_dict()["peak_mib"] == run.peak_mib


def test_a_run_that_failed_says_it_too(tmp_path: Path) -> None:
    record = RunRecord(tmp_path, "alpha", "act")
    record.fail(ValueError("no"))
    (run,) = Ledger.of(tmp_path).last()
    assert (run.state, run.peak_mib) == ("failed", memory.peak_of(os.getpid()))


def test_what_the_runs_took_in_which_nodes_were_last_run(tmp_path: Path) -> None:
    assert memory.peak_of_nodes(tmp_path, "alpha", ["fit"]) is None
    ledger = Ledger.of(tmp_path)
    peaks = {"fit": 900.0, "split": 300.0, "render": 5000.0, "unmeasured": None}
    for node, mib in peaks.items():
        number = ledger.start("alpha", "train")
        assert ledger.finish(number, "succeeded", seconds=1.0, outcome=Outcome(peak_mib=mib))
        with transaction(ledger.path) as connection:
            row = ("alpha", node, "f", "{}", "{}", number, 1.0)
            connection.execute("INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    assert memory.peak_of_nodes(tmp_path, "alpha", ["split", "fit"]) == 900.0
    assert memory.peak_of_nodes(tmp_path, "alpha", ["unmeasured"]) is None
    assert memory.peak_of_nodes(tmp_path, "beta", ["fit"]) is None
