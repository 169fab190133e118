"""A project of three clients, copied for each test, and what a test asks about processes."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workbench.fleet.runner import Fleet, Result

PATIENCE = 60.0
"""Seconds for a fleet of the tiny project; the longest takes a tenth of it."""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of ``tiny_project``: clients alpha, beta and gamma; pipelines act and gate."""
    return Path(shutil.copytree(Path(__file__).parent / "tiny_project", tmp_path / "tiny"))


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true; half a minute is more than any of it takes."""

    def wait(condition: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.02)
        pytest.fail("it did not become true within 30 s")

    return wait


@pytest.fixture
def lives() -> Callable[[int], bool]:
    """Whether a process runs; a zombie does not."""

    def check(pid: int) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
        return False

    return check


@pytest.fixture(autouse=True)
def _every_fleet_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet that its own limits do not end is ended here, and the test fails: it would wait for ten minutes."""
    from workbench.fleet.runner import Fleet

    run = Fleet.run

    def run_in_time(fleet: Fleet) -> Result:
        with ends_within(PATIENCE, fleet):
            return run(fleet)

    monkeypatch.setattr(Fleet, "run", run_in_time)


@contextmanager
def ends_within(seconds: float, fleet: Fleet) -> Iterator[None]:
    """Kill the workers that are still there after so long, and fail.

    By a signal: a fleet is run from the main thread, and there must be no second one when it forks.
    """

    def give_up(_number: int, _frame: FrameType | None) -> None:
        running = dict(fleet._children)
        for child in running.values():
            # Not by way of the child: how it is killed may be what is broken.
            if child._body.pid is not None:
                with suppress(ProcessLookupError):
                    os.killpg(child._body.pid, signal.SIGKILL)
        who = ", ".join(f"{child.cell.pipeline} of {client}" for client, child in running.items())
        pytest.fail(f"nothing has ended the fleet within {seconds:g} s; it runs {who or 'nothing, and waits'}")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
