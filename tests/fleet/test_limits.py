"""What a run may take: read from files, told by the parent, and enforced on processes that do not listen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError
from workbench.fleet.body import can_fork
from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger
from workbench.fleet.limits import Limits, limits_of, seconds_of
from workbench.fleet.plan import Cell, plan
from workbench.fleet.queue import Item, Queue
from workbench.fleet.runner import Fleet, Result
from workbench.fleet.view import View
from workbench.fleet.watch import Watch, unshared_mb


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), (" 1 d ", 86_400), (5, 5), ("soon", "soon")],
)
def test_times_are_written_as_people_write_them(text: object, seconds: object) -> None:
    assert seconds_of(text) == seconds


def test_a_clients_own_file_wins_key_by_key(tiny: Path) -> None:
    (tiny / "conf/base/fleet.yml").write_text("timeout: 30m\nretries: 2\n")
    (tiny / "conf/clients/beta/fleet.yml").write_text("retries: 0\nmemory_mb: 500\n")
    limits = limits_of(tiny, ["alpha", "beta"])
    assert limits["alpha"] == Limits(timeout=1800, retries=2)
    assert limits["beta"] == Limits(timeout=1800, retries=0, memory_mb=500)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("timeuot: 3\n", "client alpha.*fleet.yml:1.*timeout"),
        ("timeout: soon\n", "fleet.yml:1.*timeout"),
        ("timeout: -1\n", "fleet.yml:1.*timeout"),
        ("retries: 99\n", "fleet.yml:1.*retries"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tiny: Path, text: str, sentence: str) -> None:
    (tiny / "conf/clients/alpha/fleet.yml").write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        limits_of(tiny, ["alpha"])


def test_the_project_says_what_is_the_default() -> None:
    root = Path(__file__).parents[2]
    assert limits_of(root, ["clinic"])["clinic"] == Limits(retries=2)


def test_each_pause_is_twice_the_last() -> None:
    assert [Limits(backoff=3).pause(attempt) for attempt in (1, 2, 3)] == [3, 6, 12]


def test_a_client_waits_for_its_own_retry_and_nobody_else_does() -> None:
    cells = [Cell("alpha", "a"), Cell("alpha", "b"), Cell("beta", "a")]
    queue = Queue([Item(number, cell) for number, cell in enumerate(cells, 1)])
    first = queue.next(())
    assert first is not None
    queue.put_first(Item(9, first.cell, 2, time.monotonic() + 60))
    second = queue.next(())
    assert second is not None
    assert second.cell.client == "beta"
    assert queue.next(()) is None, "alpha's second pipeline reads what its first one writes"
    assert queue.drop() == [2, 9]


def test_a_node_that_began_anew_has_its_time_anew() -> None:
    watch = Watch("alpha", Limits(node_timeout=0.2))
    for node in ("one", "two", "three"):
        watch.heard(Progress(0, 3, node))
        time.sleep(0.12)
        assert watch.look(None) is None
    watch.heard(Progress(3, 3, "three"))
    time.sleep(0.12)
    overstep = watch.look(None)
    assert overstep is not None
    assert "client alpha, node three: the node took longer than node_timeout: 0.2 s" in overstep.sentence


def test_unshared_memory_is_seen() -> None:
    before = unshared_mb(os.getpid())
    held = bytearray(os.urandom(1 << 20)) * 64
    assert 60 < unshared_mb(os.getpid()) - before < 80, len(held)
    assert unshared_mb(2**22 + 1) == 0


def says(project: Path, **acts: str) -> None:
    for client, act in acts.items():
        (project / "conf/clients" / client / "parameters.yml").write_text(f"act: {act}\n")


def run_fleet(
    project: Path, clients: list[str], limits: Limits, pipelines: tuple[str, ...] = ("act",), **options: object
) -> Result:
    defaults: dict[str, object] = {"workers": 2, "max_failures": None, "view": View()}
    cells = plan(clients, list(pipelines), {})
    return Fleet(project, cells, limits=dict.fromkeys(clients, limits), **(defaults | options)).run()


@pytest.mark.integration
def test_a_run_that_takes_too_long_is_stopped_and_says_where(tiny: Path) -> None:
    says(tiny, alpha="sleep long", beta="nothing")
    first, second = run_fleet(tiny, ["alpha", "beta"], Limits(node_timeout=0.5, retries=2)).runs
    assert (first.state, first.error_kind, first.attempt) == ("failed", "terminal", 1)
    assert str(first.error).startswith("client alpha, node act: the node took longer than node_timeout: 0.5 s")
    assert second.state == "succeeded"


@pytest.mark.integration
def test_a_run_that_does_not_listen_is_killed(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, lives: Callable[[int], bool]
) -> None:
    monkeypatch.setattr("workbench.fleet.child.GRACE_SECONDS", 0.3)
    says(tiny, alpha="hang")
    (run,) = run_fleet(tiny, ["alpha"], Limits(timeout=2.5)).runs
    assert run.state == "failed"
    assert "client alpha, node act: the run took longer than timeout: 2.5 s" in str(run.error)
    assert not lives(run.pid)


@pytest.mark.integration
@pytest.mark.skipif(not can_fork(), reason="memory is looked at in /proc")
@pytest.mark.parametrize("cold", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_one_clients_blow_up_is_its_own(tiny: Path, cold: bool) -> None:
    says(tiny, alpha="eat", beta="sleep")
    first, second = run_fleet(tiny, ["alpha", "beta"], Limits(memory_mb=300), cold=cold).runs
    assert (first.state, first.error_kind) == ("failed", "terminal")
    assert str(first.error).startswith("client alpha, node act: it has taken ")
    assert "memory_mb allows 300" in str(first.error)
    assert second.state == "succeeded"


@pytest.mark.integration
def test_what_can_pass_is_tried_again_and_every_attempt_is_a_row(tiny: Path) -> None:
    says(tiny, alpha="lose the network once", beta="lose the network", gamma="raise")
    limits = Limits(retries=2, backoff=0.05)
    result = run_fleet(tiny, ["alpha", "beta", "gamma"], limits, ("act", "gate"))
    last = {(run.client, run.pipeline): (run.state, run.attempt, run.error_kind) for run in result.runs}
    assert last == {
        ("alpha", "act"): ("succeeded", 2, None),
        ("alpha", "gate"): ("succeeded", 1, None),
        ("beta", "act"): ("failed", 3, "transient"),
        ("beta", "gate"): ("cancelled", 1, None),
        ("gamma", "act"): ("failed", 1, "terminal"),
        ("gamma", "gate"): ("cancelled", 1, None),
    }
    history = Ledger.of(tiny).history("beta")
    assert [(run.attempt, run.state, run.error_kind) for run in history] == [
        (3 - n, "failed", "transient") for n in range(3)
    ]


@pytest.mark.integration
def test_after_so_many_failures_nothing_new_starts(tiny: Path) -> None:
    says(tiny, alpha="raise", beta="raise", gamma="nothing")
    runs = run_fleet(tiny, ["alpha", "beta", "gamma"], Limits(), workers=1, max_failures=2).runs
    assert [run.state for run in runs] == ["failed", "failed", "cancelled"]
    assert runs[2].error == "not started: act of beta failed, and 2 are as many as may fail"


@pytest.mark.integration
def test_after_the_budget_nothing_new_starts(tiny: Path) -> None:
    says(tiny, alpha="sleep", beta="nothing")
    result = run_fleet(tiny, ["alpha", "beta"], Limits(), workers=1, budget=0.3, cold=True)
    assert [(run.state, run.error) for run in result.runs] == [
        ("succeeded", None),
        ("cancelled", "not started: the budget of 0.3 s was spent"),
    ]
    assert result.exit_code == 1


@pytest.mark.integration
def test_a_worker_is_ended_before_the_fleet_when_memory_runs_out(tiny: Path) -> None:
    seen: list[int] = []

    class Looking(View):
        def progress(self, cell: Cell, progress: Progress) -> None:
            (child,) = fleet._children.values()
            seen.append(int(Path(f"/proc/{child._body.pid}/oom_score_adj").read_text()))

    fleet = Fleet(tiny, plan(["alpha"], ["act"], {}), workers=1, max_failures=None, view=Looking())
    fleet.run()
    assert min(seen) == 800 > int(Path("/proc/self/oom_score_adj").read_text())
