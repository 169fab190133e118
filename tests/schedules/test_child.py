"""The process of a slot leads a session of its own, and takes with it what it has started."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.schedules.child import SlotProcess
from workbench.schedules.slot import Slot

SLOT = Slot(1, "acme", "daily", datetime(2026, 11, 24, 6, tzinfo=UTC), "running", 1, None, None, None, None, None)
STARTS = (
    "import pathlib, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "pathlib.Path('pid').write_text(str(child.pid))\n"
)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str], SlotProcess]]:
    made: list[SlotProcess] = []

    def one(body: str) -> SlotProcess:
        made.append(SlotProcess(tmp_path, SLOT, [sys.executable, "-c", STARTS + body], os.environ))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        return made[-1]

    yield one
    for process in made:
        process.kill()
        process._process.wait()


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}:
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def ended(process: SlotProcess) -> int:
    deadline = time.monotonic() + 10
    while (code := process.exit_code()) is None:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.01)
    return code


def test_ctrl_c_in_the_terminal_does_not_reach_it(begin: Callable[[str], SlotProcess]) -> None:
    process = begin("time.sleep(60)")
    pid = process._process.pid
    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert process.exit_code() is None, "it lives"


def test_what_it_had_started_ends_with_it(begin: Callable[[str], SlotProcess], tmp_path: Path) -> None:
    """A browser or a kernel of a slot that is begun again would be there twice."""
    assert ended(begin("sys.exit(3)")) == 3
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("how", "number"), [("stop", signal.SIGTERM), ("kill", signal.SIGKILL)])
def test_it_is_asked_to_end_or_ended(
    begin: Callable[[str], SlotProcess], tmp_path: Path, how: str, number: int
) -> None:
    process = begin("time.sleep(60)")
    getattr(process, how)()
    assert ended(process) == -number
    assert gone(int((tmp_path / "pid").read_text()))
