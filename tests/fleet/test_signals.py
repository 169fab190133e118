"""Ctrl-C, SIGTERM and ``kill -9``, given to a fleet as a person or a scheduler gives them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.fleet.ledger import Ledger

pytestmark = pytest.mark.integration

Eventually = Callable[[Callable[[], object]], None]


@contextmanager
def a_fleet(project: Path, eventually: Eventually, **acts: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A fleet of two workers whose nodes have begun, and their pids."""
    pids = project.parent / "pids"
    pids.mkdir()
    for client, act in acts.items():
        (project / "conf/clients" / client / "parameters.yml").write_text(f"act: {act}\n")
    command = [sys.executable, "-m", "kedro", "fleet", "run", "--workers", "2", "--pipeline", "act"]
    fleet = subprocess.Popen(
        command,
        cwd=project,
        env=os.environ | {"TINY_PIDS": str(pids)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        eventually(lambda: len(list(pids.iterdir())) == 2)
        yield fleet, [int(path.stem) for path in pids.iterdir()]
    finally:
        fleet.kill()
        fleet.communicate()


def states(project: Path) -> dict[str, str]:
    return {run.client: run.state for run in Ledger.of(project).get([1, 2, 3])}


def test_sigterm_cancels(tiny: Path, eventually: Eventually, lives: Callable[[int], bool]) -> None:
    with a_fleet(tiny, eventually, alpha="sleep long", beta="sleep long") as (fleet, workers):
        fleet.terminate()
        output, _ = fleet.communicate(timeout=30)
    assert fleet.returncode == 128 + signal.SIGTERM
    assert states(tiny) == {"alpha": "cancelled", "beta": "cancelled", "gamma": "cancelled"}
    assert [run.error for run in Ledger.of(tiny).get([1, 3])] == [
        "stopped by SIGTERM",
        "not started: the fleet was stopped by SIGTERM",
    ]
    assert not any(map(lives, workers))
    assert "once more kills them" in output


@pytest.mark.slow
def test_a_second_ctrl_c_kills_what_does_not_listen(
    tiny: Path, eventually: Eventually, lives: Callable[[int], bool]
) -> None:
    with a_fleet(tiny, eventually, alpha="hang", beta="sleep long") as (fleet, (first, second)):
        fleet.send_signal(signal.SIGINT)
        eventually(lambda: lives(first) != lives(second))
        assert fleet.poll() is None
        fleet.send_signal(signal.SIGINT)
        fleet.communicate(timeout=30)
    assert fleet.returncode == 128 + signal.SIGINT
    assert states(tiny) == {"alpha": "cancelled", "beta": "cancelled", "gamma": "cancelled"}
    assert not lives(first)
    assert not lives(second)


def test_kill_minus_nine_leaves_no_orphan_and_no_running_row(
    tiny: Path, eventually: Eventually, lives: Callable[[int], bool]
) -> None:
    with a_fleet(tiny, eventually, alpha="hang", beta="sleep long") as (fleet, workers):
        fleet.kill()
        fleet.wait()
        eventually(lambda: not any(map(lives, workers)))
    assert {run.client: run.state for run in Ledger.of(tiny).last()} == {"alpha": "crashed", "beta": "crashed"}
    assert states(tiny)["gamma"] == "cancelled"
