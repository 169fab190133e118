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

from workbench.schedules.child import SlotProcess, log_of
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


def test_one_that_has_ended_is_not_hit_again(
    begin: Callable[[str], SlotProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third signal may come in the moment in which the scheduler buries it."""
    process = begin("sys.exit(3)")
    ended(process)
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("its number may be another's by now"))
    process.kill()
    process.stop()


def test_one_that_ends_while_it_is_killed_is_no_error(
    begin: Callable[[str], SlotProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone_by_now(*_: int) -> None:
        raise ProcessLookupError

    process = begin("time.sleep(60)")
    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", gone_by_now)
        process.kill()


@pytest.mark.usefixtures("silent_keyboard")
def test_each_attempt_is_in_the_log_and_none_waits_for_a_person(tmp_path: Path) -> None:
    for word in ("one", "two"):
        command = [sys.executable, "-I", "-S", "-c", f"import sys; print({word!r} + sys.stdin.read())"]
        assert ended(SlotProcess(tmp_path, SLOT, command, {})) == 0
    assert log_of(tmp_path, 1).read_text() == "one\ntwo\n"
