"""Memory that is to be forked lies in large pages, and stays what it was."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.kernels.process import ZygoteProcess, start_kernel
from workbench.kernels.wire import Request

PROGRAM = """
import json
from pathlib import Path
from workbench.kernels.pages import gather

def huge():
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith("AnonHugePages")).split()[1])

held = [bytes([number % 251]) * 100_000 for number in range(200)]
before, gathered = huge(), gather()
print(json.dumps([gathered, huge() - before, all(one == one[:1] * 100_000 for one in held), held[7][0]]))
"""


def can_collapse() -> bool:
    """Linux 6.1 or later, with huge pages of two megabytes."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    size = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
    newer = release is not None and (int(release[1]), int(release[2])) >= (6, 1)
    return newer and size.exists() and size.read_text().strip() == "2097152"


def test_memory_is_gathered_and_stays_what_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    gathered, grown, whole, value = json.loads(done.stdout)
    assert (whole, value) == (True, 7)
    assert gathered // 1024 == pytest.approx(grown, abs=4096)
    if can_collapse():
        assert gathered >= 8 * 1024 * 1024


@pytest.mark.skipif(not can_collapse(), reason="this Linux cannot put memory that is in use into huge pages")
def test_a_zygote_lies_in_large_pages(zygote: ZygoteProcess, tmp_path: Path, environment: dict[str, str]) -> None:
    """So a fork, which every kernel waits for, copies few entries of the page table."""
    request = Request(["-f", str(tmp_path / "kernel.json")], str(tmp_path), environment)
    process = start_kernel(zygote.address, request, [0, 1, 2])
    try:
        rollup = Path(f"/proc/{zygote.pid}/smaps_rollup").read_text()
    finally:
        process.kill()
        process.wait(20)
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
    assert sizes["AnonHugePages"] > sizes["Anonymous"] / 4
