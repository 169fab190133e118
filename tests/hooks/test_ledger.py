"""A plain ``kedro run``, as the ledger sees it: well, badly, stopped, killed, and twice at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.run import Run

pytestmark = pytest.mark.integration

Kedro = Callable[..., subprocess.CompletedProcess[str]]
ALPHA = ("run", "--env", "clients/alpha")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    source = Path(__file__).parents[1] / "fleet" / "tiny_project"
    return Path(shutil.copytree(source, tmp_path / "tiny"))


def says(project: Path, act: str) -> None:
    (project / "conf/clients/alpha/parameters.yml").write_text(f"act: {act}\n")


def last(project: Path) -> Run:
    return Ledger.of(project).history("alpha")[0]


def begin(project: Path, act: str) -> subprocess.Popen[str]:
    """A run whose node has begun."""
    says(project, act)
    pids = project.parent / "pids"
    pids.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "kedro", *ALPHA, "--pipeline", "act"],
        cwd=project,
        env=os.environ | {"TINY_PIDS": str(pids)},
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 30
    while not list(pids.iterdir()):
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)
    return run


def test_a_run_is_written_down_with_what_it_came_to(tiny: Path, kedro: Kedro) -> None:
    kedro(tiny, *ALPHA)
    run = last(tiny)
    assert (run.client, run.pipeline, run.state, run.partial) == ("alpha", "__default__", "succeeded", False)
    assert (run.champion, run.metric, run.value) == (7, "roc_auc", 0.875)
    assert run.error is None
    assert run.git_commit is None, "the tiny project is in no repository"
    assert not ClientLock(state_folder(tiny), "alpha").is_held()

    kedro(tiny, *ALPHA, "--pipeline", "act", "--nodes", "arrive", "--params", "act=nothing")
    part = last(tiny)
    assert (part.pipeline, part.state, part.partial, part.champion) == ("act", "succeeded", True, None)
    assert part.config_digest == run.config_digest
    says(tiny, "sleep")
    kedro(tiny, *ALPHA, "--pipeline", "act")
    assert last(tiny).config_digest != run.config_digest


def test_a_failure_is_one_sentence_without_its_words(tiny: Path, kedro: Kedro) -> None:
    says(tiny, "raise")
    done = kedro(tiny, *ALPHA, check=False)
    assert done.returncode == 1
    assert "hunter2" in done.stderr
    assert (last(tiny).state, last(tiny).error) == ("failed", "node act: ValueError; its log has the details")


def test_a_hook_that_fails_before_or_after_the_pipeline_fails_the_run(tiny: Path, kedro: Kedro) -> None:
    settings = tiny / "src/tiny/settings.py"
    original = settings.read_text()
    for moment in ("before_pipeline_run", "after_pipeline_run"):
        settings.write_text(
            f"{original}\n"
            "from kedro.framework.hooks import hook_impl\n"
            "class Broken:\n"
            "    @hook_impl\n"
            f"    def {moment}(self):\n"
            "        raise RuntimeError('no store')\n"
            "HOOKS = (*HOOKS, Broken())\n"
        )
        assert kedro(tiny, *ALPHA, "--pipeline", "gate", check=False).returncode == 1
        assert (last(tiny).state, last(tiny).error) == ("failed", "RuntimeError; its log has the details")
        assert not ClientLock(state_folder(tiny), "alpha").is_held()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_a_run_that_is_stopped_is_cancelled(tiny: Path, number: signal.Signals, code: int) -> None:
    with begin(tiny, "sleep long") as run:
        run.send_signal(number)
        run.communicate(timeout=30)
    assert run.returncode == code
    assert (last(tiny).state, last(tiny).error) == ("cancelled", f"stopped by {number.name}")


def test_two_runs_of_one_client_do_not_write_at_once_and_a_killed_one_reads_as_crashed(
    tiny: Path, kedro: Kedro
) -> None:
    with begin(tiny, "sleep long") as run:
        assert last(tiny).state == "running"
        refused = kedro(tiny, *ALPHA, check=False)
        assert refused.returncode == os.EX_TEMPFAIL
        assert f"client alpha: process {run.pid} is running pipeline 'act' since" in refused.stderr
        assert "Traceback" not in refused.stderr
        kedro(tiny, "run", "--env", "clients/beta", "--pipeline", "gate")
        assert last(tiny).state == "running"
        run.kill()
        run.communicate()
    assert last(tiny).state == "crashed"
    says(tiny, "nothing")
    kedro(tiny, *ALPHA)
    assert last(tiny).state == "succeeded"


def test_a_run_that_a_notebook_interrupted_is_closed_by_its_next_one(tiny: Path) -> None:
    says(tiny, "sleep long")
    script = """
import signal, sys
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
def run(pipeline):
    with KedroSession.create(env="clients/alpha") as session:
        session.run(pipeline_names=[pipeline])
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 1.5)
try:
    run("act")
except KeyboardInterrupt:
    run("gate")
"""
    subprocess.run([sys.executable, "-c", script], cwd=tiny, check=True, capture_output=True)
    assert [(run.pipeline, run.state) for run in Ledger.of(tiny).history("alpha")] == [
        ("gate", "succeeded"),
        ("act", "cancelled"),
    ]


def test_the_whole_pipeline_leaves_its_mlflow_run_its_champion_and_its_metric(clinic_project: Path) -> None:
    run = Ledger.of(clinic_project).history("clinic")[-1]
    assert (run.pipeline, run.state, run.champion, run.metric) == ("__default__", "succeeded", 1, "roc_auc")
    assert run.value is not None
    assert run.mlflow_run is not None


@pytest.mark.slow
def test_pipelines_that_were_named_together_are_one_row_however_they_were_named(tiny: Path, kedro: Kedro) -> None:
    """Kedro takes them as a set, whose order is another in each process."""
    says(tiny, "nothing")
    for seed in ("0", "4"):
        kedro(tiny, *ALPHA, "--pipelines", "gate,act", env=os.environ | {"PYTHONHASHSEED": seed})
    assert {run.pipeline for run in Ledger.of(tiny).history("alpha")} == {"act+gate"}
