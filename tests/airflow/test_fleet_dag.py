"""The exported plan of the fleet, run by a real Airflow: two clients, one of which fails."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.export.fleet import EXPORTS, FleetOptions
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import plan

pytestmark = pytest.mark.airflow

DAG = "workbench__fleet__gate__act"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    source = Path(__file__).parents[1] / "fleet" / "tiny_project"
    project = Path(shutil.copytree(source, tmp_path / "tiny"))
    (project / "conf/clients/beta/parameters.yml").write_text("act: raise\n")
    return project


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """`kedro` of this environment, which is not Airflow's; gamma's first attempt fails by what may pass."""
    path = tmp_path / "kedro"
    path.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *gamma*) [ -e "{tmp_path}/gamma" ] || {{ touch "{tmp_path}/gamma"; exit 75; }};; esac\n'
        f'export PYTHONPATH="{Path(__file__).parents[2] / "src"}"\n'
        f'exec "{sys.executable}" -m kedro "$@"\n'
    )
    path.chmod(0o755)
    return path


def test_two_clients_by_airflow(airflow: Callable[..., str], tiny: Path, command: Path) -> None:
    cells = plan(["alpha", "beta"], ["gate", "act"], {})
    options = FleetOptions(project=str(tiny), kedro=str(command), known=("alpha", "beta", "gamma"), retries=1)
    ((name, text),) = EXPORTS["airflow"](cells, options).items()
    (airflow.dags / name).write_text(text)  # type: ignore[attr-defined]
    assert "No data found" in airflow("dags", "list-import-errors")
    airflow("dags", "reserialize")
    said = airflow("dags", "test", DAG, "2026-11-24T02:30:00+00:00", check=False)
    last = {(run.client, run.pipeline): run.state for run in Ledger.of(tiny).last()}
    assert last == {
        ("alpha", "gate"): "succeeded",
        ("alpha", "act"): "succeeded",
        ("beta", "gate"): "succeeded",
        ("beta", "act"): "failed",
    }
    assert "beta act: exit code 1; trying again cannot help" in said
    assert len(Ledger.of(tiny).history("beta")) == 2, "what cannot pass is not tried again"


def test_what_may_pass_is_tried_again(airflow: Callable[..., str], tiny: Path, command: Path) -> None:
    options = FleetOptions(project=str(tiny), kedro=str(command), known=("alpha", "beta", "gamma"), retries=2)
    text = EXPORTS["airflow"](plan(["gamma"], ["gate"], {}), options)["workbench__fleet__gate.py"]
    text = text.replace("retry_delay=timedelta(minutes=1)", "retry_delay=timedelta(seconds=1)")
    (airflow.dags / "workbench__fleet__gate.py").write_text(text)  # type: ignore[attr-defined]
    airflow("dags", "reserialize")
    said = airflow("dags", "test", "workbench__fleet__gate", "2026-11-24T02:30:00+00:00", check=False)
    assert "gamma gate: failed by what may pass" in said
    assert [(run.client, run.state) for run in Ledger.of(tiny).last()] == [("gamma", "succeeded")], "tried once more"


def test_a_file_for_a_thousand_clients_is_read_in_a_second(airflow: Callable[..., str]) -> None:
    clients = sorted(f"client_{number}" for number in range(1000))
    options = FleetOptions(in_container=True)
    ((name, text),) = EXPORTS["airflow"](plan(clients, ["ingest", "train"], {}), options).items()
    path = airflow.dags / name  # type: ignore[attr-defined]
    path.write_text(text)
    # Airflow itself takes a while to be imported, whatever the file says.
    program = (
        "import json, os, time, runpy, airflow.sdk, airflow.providers.standard.hooks.subprocess, airflow.sdk.exceptions\n"
        f"begun = time.perf_counter(); found = runpy.run_path({str(path)!r})\n"
        "took = time.perf_counter() - begun\n"
        "os.environ.update(CLIENT_1__PASSWORD='hunter2', CLIENT_2__PASSWORD='hunter3', KEDRO_ENV='clients/client_9')\n"
        "own = found['own_variables']('client_1')\n"
        "command = found['command_of']('client_1', 'train', own)\n"
        "print('found', json.dumps([took, found['FLEET']['clients'], own, command]))"
    )
    took, clients_there, own, argv = json.loads(airflow("-c", program, program="python").split("found ")[-1])
    assert clients_there == clients
    assert took < 1
    assert own["CLIENT_1__PASSWORD"] == "hunter2"
    assert {"CLIENT_2__PASSWORD", "KEDRO_ENV"}.isdisjoint(own), "another client's variables reach it"
    assert own["OMP_NUM_THREADS"] == "1"
    assert argv[:3] == ["docker", "run", "--rm"]
    assert argv[-5:] == ["run", "--env", "clients/client_1", "--pipelines", "train"]
    assert argv[argv.index("CLIENT_1__PASSWORD") - 1] == "--env"
    assert not any("hunter" in word for word in argv), "a secret's value is on the command line"
