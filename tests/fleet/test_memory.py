"""What servers took, in the ledger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.fleet import memory


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
