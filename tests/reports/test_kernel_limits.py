"""What holds a kernel that cannot be asked: its time, its memory, and whose processes are killed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.reports import kernel as kernels
from workbench.reports.kernel import ReportKernel, report_kernel


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is none: what is around it is looked at."""
    monkeypatch.setattr(ReportKernel, "start_kernel", lambda *_, **__: None)


@pytest.mark.usefixtures("unstarted")
def test_a_report_that_is_done_is_not_killed_later(tmp_path: Path) -> None:
    """By then its number may be that of somebody else's processes."""
    with report_kernel(tmp_path, 0.1) as kernel:
        pass
    time.sleep(0.3)
    assert not kernel.timed_out


def test_without_a_group_of_its_own_nothing_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Group 0 would be that of this very process."""
    monkeypatch.setattr(os, "killpg", lambda *_: pytest.fail("it was killed"))
    for group in (0, None):
        made = ReportKernel()
        made.provisioner = SimpleNamespace(pgid=group, process=None)  # type: ignore[assignment]
        made._kill_group()


@pytest.mark.usefixtures("unstarted")
def test_a_kernel_that_cannot_be_watched_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: object) -> None:
        raise RuntimeError("can't start new thread")

    ended: list[str] = []
    monkeypatch.setattr(kernels.Timer, "start", no_room)
    monkeypatch.setattr(ReportKernel, "end", lambda _: ended.append("it"))
    with pytest.raises(RuntimeError, match="new thread"), report_kernel(tmp_path, 1):
        pytest.fail("it would have no end")
    assert ended == ["it"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone limits another process")
@pytest.mark.parametrize("reaped", [False, True])
def test_what_has_ended_is_not_limited(reaped: bool) -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    if reaped:
        child.wait()
    kernels._limit_memory(child.pid, 300)
    child.wait()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone limits another process")
def test_a_kernel_cannot_raise_its_own_limit() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        child.stdout.readline()  # before that it may have no data of its own
        kernels._limit_memory(child.pid, 300)
        soft, hard = resource.prlimit(child.pid, resource.RLIMIT_DATA)
    finally:
        child.kill()
        child.communicate()
    assert soft == hard
    assert 300 * 2**20 < hard < 400 * 2**20, "beyond what it had"
