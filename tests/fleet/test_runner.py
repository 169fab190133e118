"""Real workers, real deaths. One fleet run is shared by the tests that only look at what it left."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workbench import audit
from workbench.clients import ClientRegistry
from workbench.fleet.child import log_of
from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.plan import Cell, plan
from workbench.fleet.run import Run
from workbench.fleet.runner import Fleet, Result
from workbench.fleet.view import View

pytestmark = pytest.mark.integration

SECRET = "hunter2"  # it stands in the message of the error that a node of the tiny project raises
ENDS = {
    "alpha": ("nothing", "succeeded", None),
    "beta": ("raise", "failed", "node act: ValueError; its log has the details"),
    "gamma": ("refuse", "failed", "client alpha, table flights: column 'dep_time' is missing. Next: rename it"),
    "delta": ("segfault", "crashed", "killed by SIGSEGV"),
    "epsilon": ("be killed", "crashed", "killed by SIGKILL, perhaps for want of memory"),
    "zeta": ("leave an orphan", "crashed", "killed by SIGABRT"),
    "eta": ("leave", "failed", "the process exited in the middle of the run"),
    "theta": ("nothing", "succeeded", None),
}
"""Client to what its node does, and what becomes of the run."""


@dataclass
class Witness(View):
    """Remembers what it was told."""

    heard: list[tuple[str, Progress]] = field(default_factory=list)
    ends: list[Run] = field(default_factory=list)

    def progress(self, cell: Cell, progress: Progress) -> None:
        self.heard.append((cell.client, progress))

    def ended(self, run: Run) -> None:
        self.ends.append(run)


def says(project: Path, client: str, act: str) -> None:
    """Make a client's node do something; a client that does not exist becomes one."""
    folder = project / "conf/clients" / client
    if not folder.exists():
        shutil.copytree(project / "conf/clients/alpha", folder)
        text = (folder / "client.yml").read_text()
        (folder / "client.yml").write_text(text.replace("id: alpha", f"id: {client}"))
    (folder / "parameters.yml").write_text(f"act: {act}\n")


def run_fleet(project: Path, cells: list[Cell], view: View | None = None, **options: object) -> Result:
    defaults = {"workers": 2, "max_failures": None, "view": view or View()}
    return Fleet(project, cells, **(defaults | options)).run()


@dataclass(frozen=True)
class Ran:
    """What the shared fleet run left, all of it on disk."""

    folder: Path

    @property
    def project(self) -> Path:
        return self.folder / "tiny"

    @property
    def runs(self) -> list[Run]:
        return Ledger.of(self.project).last()

    @property
    def told(self) -> dict[str, object]:
        return json.loads((self.folder / "told.json").read_text())

    def row(self, client: str) -> Run:
        (run,) = (run for run in self.runs if run.client == client)
        return run

    def log(self, client: str) -> str:
        return log_of(self.project, self.row(client).number).read_text()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A fleet run in which everything happens at once; one for all test processes."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "fleet"
    with (shared / "fleet.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "told.json").exists():
            make_ran(folder)
    return Ran(folder)


def make_ran(folder: Path) -> None:
    project = Path(shutil.copytree(Path(__file__).parent / "tiny_project", folder / "tiny"))
    pids = folder / "pids"
    pids.mkdir()
    for client, (act, _, _) in ENDS.items():
        says(project, client, act)
    canaries = {f"{client.upper()}__TOKEN": f"canary-of-{client}" for client in ENDS}
    environ = os.environ | canaries | {"TINY_PIDS": str(pids), "KEDRO_ENV": "clients/beta", "MLFLOW_RUN_ID": "x"}
    view = Witness()
    result = run_fleet(project, plan(list(ENDS), ["act"], {}), view, environ=environ)
    told = {
        "alpha": [[one.done, one.total, one.node] for client, one in view.heard if client == "alpha"],
        "ended": [run.client for run in view.ends],
        "planned": [run.client for run in result.runs],
        "exit code": result.exit_code,
        "stopped by": result.stopped_by,
    }
    (folder / "told.json").write_text(json.dumps(told))


@pytest.mark.parametrize("client", ENDS)
def test_how_each_end_is_written_down(ran: Ran, client: str) -> None:
    _, state, error = ENDS[client]
    run = ran.row(client)
    assert (run.state, run.error) == (state, error)
    assert run.seconds is not None
    assert run.seconds > 0
    assert run.finished is not None
    assert run.config_digest is not None


def test_each_run_that_began_is_on_record_with_its_end(ran: Ran) -> None:
    began = {entry.client for entry in audit.entries(ran.project) if entry.action == "run.begun"}
    ended = [
        (entry.client, entry.facts["state"]) for entry in audit.entries(ran.project) if entry.action == "run.ended"
    ]
    assert began == set(ENDS)
    assert sorted(ended) == sorted((client, state) for client, (_, state, _) in ENDS.items())


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_each_run_that_ended_itself_says_what_memory_it_took(ran: Ran) -> None:
    told = {run.state: run.peak_mib for run in ran.runs}
    assert told["succeeded"] is not None
    assert 20 < told["succeeded"] < 4000
    assert {run.peak_mib for run in ran.runs if run.state == "crashed"} <= {None}


def test_one_failure_is_a_failure_of_the_fleet(ran: Ran) -> None:
    assert (ran.told["exit code"], ran.told["stopped by"]) == (1, None)
    assert ran.told["planned"] == sorted(ENDS)


def test_the_view_hears_of_every_node_and_every_end(ran: Ran) -> None:
    assert ran.told["alpha"] == [[0, 2, ""], [0, 2, "arrive"], [1, 2, "arrive"], [1, 2, "act"], [2, 2, "act"]]
    assert sorted(ran.told["ended"]) == sorted(ENDS)


def test_two_clients_at_once_do_not_mix(ran: Ran) -> None:
    for mine, other in (("alpha", "theta"), ("theta", "alpha")):
        seen = json.loads((ran.project / "data" / mine / "seen.json").read_text())
        environment = seen["environment"]
        assert environment[f"{mine.upper()}__TOKEN"] == f"canary-of-{mine}"
        assert not any(name.endswith("__TOKEN") and not name.startswith(mine.upper()) for name in environment)
        assert "KEDRO_ENV" not in environment
        assert "MLFLOW_RUN_ID" not in environment
        assert f"--client={mine}" in seen["arguments"]
        everything = json.dumps(seen) + ran.log(mine)
        assert f"canary-of-{mine}" in everything
        assert f"canary-of-{other}" not in everything
        assert f"data/{other}" not in everything
    assert len({run.pid for run in ran.runs}) == len(ENDS), "each in a process of its own"


def test_nothing_outlives_the_fleet(ran: Ran, lives: Callable[[int], bool]) -> None:
    pids = [int(path.stem) for path in (ran.folder / "pids").iterdir()]
    assert len(pids) == len(ENDS) + 1, "each node, and the child that one of them left"
    assert not any(lives(pid) for pid in pids)


def test_words_are_in_the_log_and_a_secret_is_not_in_the_ledger(ran: Ran) -> None:
    assert "acting: raise" in ran.log("beta")
    assert SECRET in ran.log("beta")
    for path in ran.project.joinpath(".workbench").glob("ledger.db*"):
        assert SECRET.encode() not in path.read_bytes()
    assert "Fatal Python error: Segmentation fault" in ran.log("delta")


def test_after_the_first_failure_nothing_new_starts(tiny: Path) -> None:
    says(tiny, "alpha", "raise")
    cells = [Cell(client, pipeline) for client in ("alpha", "beta") for pipeline in ("act", "gate")]
    result = run_fleet(tiny, cells, workers=1, max_failures=1)
    assert [(run.client, run.pipeline, run.state, run.error) for run in result.runs][1:] == [
        ("alpha", "gate", "cancelled", "not started: act of this client failed"),
        ("beta", "act", "cancelled", "not started: act of alpha failed"),
        ("beta", "gate", "cancelled", "not started: act of alpha failed"),
    ]
    assert not (tiny / "data/beta").exists()


def test_a_failed_client_stops_its_own_later_pipelines_only(tiny: Path) -> None:
    says(tiny, "alpha", "raise")
    result = run_fleet(tiny, plan(["alpha", "beta"], ["act", "gate"], {}))
    states = {(run.client, run.pipeline): run.state for run in result.runs}
    assert states == {
        ("alpha", "act"): "failed",
        ("alpha", "gate"): "cancelled",
        ("beta", "act"): "succeeded",
        ("beta", "gate"): "succeeded",
    }
    (gate,) = (run for run in result.runs if (run.client, run.pipeline) == ("beta", "gate"))
    assert (gate.champion, gate.metric, gate.value) == (7, "roc_auc", 0.875)


def test_a_client_that_is_being_run_is_refused_and_the_others_run(tiny: Path) -> None:
    lock = ClientLock(state_folder(tiny), "alpha")
    lock.acquire("train")
    result = run_fleet(tiny, plan(["alpha", "beta"], ["gate"], {}))
    assert [run.state for run in result.runs] == ["failed", "succeeded"]
    assert f"process {os.getpid()} is running pipeline 'train' since" in str(result.runs[0].error)


def test_a_broken_client_fails_alone(tiny: Path) -> None:
    (tiny / "conf/clients/alpha/client.yml").write_text("id: alpha\n")
    result = run_fleet(tiny, plan(["alpha", "beta"], ["gate"], {}))
    assert [run.state for run in result.runs] == ["failed", "succeeded"]
    assert "client alpha" in str(result.runs[0].error)
    assert "this key is missing" in str(result.runs[0].error)


def test_an_error_of_the_runner_itself_leaves_no_worker_and_no_open_row(
    tiny: Path, lives: Callable[[int], bool]
) -> None:
    class Broken(View):
        def progress(self, cell: Cell, progress: Progress) -> None:
            if progress.node == "act":
                raise OSError(28, "No space left on device")

    says(tiny, "alpha", "sleep long")
    with pytest.raises(OSError, match="No space left"):
        run_fleet(tiny, plan(["alpha", "beta"], ["act"], {}), Broken(), workers=1)
    first, second = Ledger.of(tiny).get([1, 2])
    assert (first.state, first.error) == ("cancelled", "the fleet run failed")
    assert (second.state, second.error) == ("cancelled", "not started: the fleet run failed")
    assert not lives(first.pid)


def test_all_clients_of_the_tiny_project_are_clients(tiny: Path) -> None:
    registry = ClientRegistry(tiny)
    assert [registry.load(client).id for client in registry.ids()] == ["alpha", "beta", "gamma"]
