"""One worker more than are at work gets ready, and runs nothing before its turn."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench import audit
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import plan
from workbench.fleet.run import Run
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View

pytestmark = pytest.mark.integration


@dataclass
class Onlooker(View):
    """Looks at a fleet each time that there is time to."""

    look: Callable[[], None] | None = None
    ends: list[str] = field(default_factory=list)

    def refresh(self) -> None:
        if self.look is not None:
            self.look()

    def ended(self, run: Run) -> None:
        self.ends.append(f"{run.client} {run.state}")


def says(project: Path, client: str, act: str) -> None:
    (project / "conf/clients" / client / "parameters.yml").write_text(f"act: {act}\n")


def one_after_the_other(project: Path, view: View, **options: Any) -> Fleet:
    defaults: dict[str, Any] = {"workers": 1, "max_failures": None, "view": view}
    return Fleet(project, plan(["alpha", "beta"], ["act"], {}), **defaults | options)


def waits(fleet: Fleet) -> Any:
    """Beta's worker, if it has come to where it waits for its turn."""
    child = fleet._children.get("beta")
    return child if child is not None and child.is_early and child.has_said_ready else None


def pid_of(fleet: Fleet, client: str) -> int:
    body = fleet._children[client]._body
    body.exit_code()  # looks what is told of it
    assert body.pid is not None
    return body.pid


@pytest.mark.parametrize("cold", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_next_one_gets_ready_and_runs_nothing_while_the_last_node_runs(tiny: Path, cold: bool) -> None:
    seen: list[tuple[int, str, bool]] = []
    children: dict[str, Any] = {}

    def look() -> None:
        children.update(fleet._children)
        if waits(fleet) is not None:
            at_work = sum(child.is_at_work for child in fleet._children.values())
            (row,) = Ledger.of(tiny).get([2])
            seen.append((at_work, row.state, (tiny / "data/beta").exists()))
        if len(seen) == 5:
            (tiny / "go").touch()

    says(tiny, "alpha", "wait")
    fleet = one_after_the_other(tiny, Onlooker(look), cold=cold)
    result = fleet.run()
    assert [run.state for run in result.runs] == ["succeeded", "succeeded"]
    assert set(seen[:5]) == {(1, "planned", False)}
    assert children["alpha"].is_leaving, "it has said that it only takes its leave"
    alpha, beta = result.runs
    assert str(alpha.started) < str(beta.started)
    assert float(beta.seconds or 99) < float(alpha.seconds or 0), "it waited, and that does not count"


def test_who_was_ready_is_called_off_when_nothing_new_is_to_start(tiny: Path) -> None:
    view = Onlooker()

    def look() -> None:
        if waits(fleet) is not None:
            os.kill(pid_of(fleet, "alpha"), signal.SIGKILL)

    view.look = look
    says(tiny, "alpha", "sleep long")
    fleet = one_after_the_other(tiny, view, max_failures=1)
    alpha, beta = fleet.run().runs
    assert (alpha.state, beta.state) == ("crashed", "cancelled")
    assert (beta.error, beta.started) == ("not started: act of alpha crashed", None)
    assert view.ends == ["alpha crashed"]
    assert not (tiny / "data/beta").exists()
    assert {entry.client for entry in audit.entries(tiny) if entry.action.startswith("run.")} == {"alpha"}


@pytest.mark.parametrize(("times", "state"), [(1, "succeeded"), pytest.param(2, "crashed", marks=pytest.mark.slow)])
def test_one_that_dies_before_its_turn_is_started_again_once(tiny: Path, times: int, state: str) -> None:
    killed: set[int] = set()
    view = Onlooker()

    def look() -> None:
        is_new = waits(fleet) is not None and pid_of(fleet, "beta") not in killed
        if len(killed) == times and (is_new or "beta crashed" in view.ends):
            (tiny / "go").touch()
        elif is_new:
            killed.add(pid_of(fleet, "beta"))
            os.kill(pid_of(fleet, "beta"), signal.SIGKILL)

    view.look = look
    says(tiny, "alpha", "wait")
    fleet = one_after_the_other(tiny, view)
    alpha, beta = fleet.run().runs
    assert (alpha.state, beta.number, beta.state) == ("succeeded", 2, state)
    assert len(killed) == times


def test_who_only_takes_its_leave_is_in_nobodys_way_unless_they_come_to_many(tiny: Path) -> None:
    begun: list[str] = []

    def child(name: str, **is_: bool) -> Any:
        states = {"is_at_work": False, "is_early": False, "is_near_its_end": False} | is_
        return SimpleNamespace(cell=name, begin=lambda: begun.append(name), **states)

    fleet = one_after_the_other(tiny, View())
    fleet._start = SimpleNamespace(is_ready=lambda: True)  # type: ignore[assignment]
    fleet._children = {"a": child("a"), "b": child("b", is_early=True)}
    ready = fleet._children["b"]
    ready.begin = lambda: (begun.append("b"), vars(ready).update(is_early=False, is_at_work=True))
    fleet._start_some()
    assert begun == ["b"]
    fleet._children = {"a": child("a"), "b": child("b"), "c": child("c", is_early=True)}
    fleet._start_some()
    assert begun == ["b"], "two that do not go, and one worker"
