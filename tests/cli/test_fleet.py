"""``kedro fleet …`` as a person types it, in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from workbench.cli.fleet import fleet, is_long
from workbench.fleet.ledger import Ledger
from workbench.fleet.plan import Cell

Kedro = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    source = Path(__file__).parents[1] / "fleet" / "tiny_project"
    return Path(shutil.copytree(source, tmp_path / "tiny"))


def invoke(project: Path, *arguments: str) -> Result:
    """A command that does not need Kedro to know the project's pipelines; in this process, which is quicker."""
    return CliRunner().invoke(fleet, arguments, obj=SimpleNamespace(project_path=project))


@pytest.mark.integration
def test_run_ends_with_a_table_and_status_remembers(tiny: Path, kedro: Kedro) -> None:
    (tiny / "conf/clients/beta/parameters.yml").write_text("act: raise\n")
    done = kedro(tiny, "fleet", "run", "--clients", "alpha,beta", "--workers", "2", "--continue-on-error", check=False)
    assert done.returncode == 1
    head, alpha, beta, _, error = done.stdout.splitlines()
    assert head.split() == ["client", "pipeline", "state", "seconds", "nodes", "champion", "metric"]
    assert [alpha.split()[i] for i in (0, 1, 2, 4, 5, 6, 7, 8, 9, 10)] == [
        "alpha", "__default__", "succeeded", "3", "of", "3", "version", "7", "roc_auc", "0.8750",
    ]  # fmt: skip
    assert beta.split()[:3] == ["beta", "__default__", "failed"]
    assert error == "beta __default__: node act: ValueError; its log has the details"
    # Where there is no terminal, progress is plain lines, beside the table and not in it.
    assert "alpha  __default__  started" in done.stderr
    assert "alpha  __default__  3/3" in done.stderr

    status = invoke(tiny, "status").stdout
    assert [line.split()[:3] for line in status.splitlines()[1:3]] == [alpha.split()[:3], beta.split()[:3]]
    rows = json.loads(invoke(tiny, "status", "--json").stdout)
    assert [(row["client"], row["state"]) for row in rows] == [("alpha", "succeeded"), ("beta", "failed")]
    assert "acting: raise" in invoke(tiny, "log", "beta").stdout


@pytest.mark.integration
def test_run_as_json_and_its_plan(tiny: Path, kedro: Kedro) -> None:
    done = kedro(tiny, "fleet", "run", "--clients", "alpha", "--pipeline", "gate", "--json")
    (row,) = json.loads(done.stdout)
    assert (row["client"], row["state"], row["champion"], row["metric"]) == ("alpha", "succeeded", 7, "roc_auc")

    planned = json.loads(kedro(tiny, "fleet", "run", "--pipeline", "gate", "--dry-run", "--json").stdout)
    assert [cell["client"] for cell in planned] == ["beta", "gamma", "alpha"], "unknown times first, then the longest"
    assert planned[2]["expected"] == row["seconds"]
    assert len(Ledger.of(tiny).last()) == 1
    assert "last time" in kedro(tiny, "fleet", "run", "--dry-run").stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clients", "alpha,betta"], "did you mean 'beta'?"),
        (["--clients", "../alpha"], "is not a client id"),
        (["--clients", ","], "there is no client to run"),
        (["--workers", "0"], "0 is not in the range"),
    ],
)
def test_what_is_not_registered_is_refused_before_anything_starts(
    tiny: Path, options: list[str], sentence: str
) -> None:
    done = invoke(tiny, "run", *options)
    assert done.exit_code != 0
    assert sentence in done.stderr
    assert not (tiny / ".workbench").exists()


def test_an_unknown_pipeline_is_refused_before_anything_starts(tiny: Path, kedro: Kedro) -> None:
    done = kedro(tiny, "fleet", "run", "--pipeline", "gat", check=False)
    assert done.returncode == 1
    assert "pipeline 'gat' is not registered" in done.stderr
    assert done.stderr.strip().endswith("did you mean 'gate'?")
    assert "Traceback" not in done.stderr
    assert not (tiny / ".workbench").exists()


@pytest.mark.integration
def test_a_fleet_in_which_nobody_is_marked_says_so_and_runs_nothing(tiny: Path, kedro: Kedro) -> None:
    done = kedro(tiny, "fleet", "run", "--marked")
    assert done.stdout == "No champion of these clients is marked to be trained again: nothing to run.\n"
    assert json.loads(kedro(tiny, "fleet", "run", "--marked", "--json").stdout) == []
    assert not Ledger.of(tiny).last()


def test_status_tells_what_monitor_said(tiny: Path, kedro: Kedro) -> None:
    kedro(tiny, "fleet", "run", "--clients", "alpha", "--pipeline", "gate")
    reporting = tiny / "data/alpha/08_reporting"
    reporting.mkdir(parents=True, exist_ok=True)
    said = {"client": "alpha", "verdict": "retrain", "version": 7, "made": "2026-11-30T12:00:00+00:00"}
    (reporting / "monitor.json").write_text(json.dumps(said | {"reasons": [{"sentence": "It is worse."}]}))
    last = invoke(tiny, "status").stdout.splitlines()[-1]
    assert last.startswith("alpha, monitor: retrain (version 7, 2026-11-30 ")
    assert last.endswith("It is worse.")
    (row,) = json.loads(invoke(tiny, "status", "--json").stdout)
    assert row["monitor"] == {
        "verdict": "retrain", "version": 7, "made": said["made"], "reason": "It is worse.",
    }  # fmt: skip


def test_before_the_first_run(tiny: Path) -> None:
    assert invoke(tiny, "status").stdout.startswith("No run yet. Next: kedro fleet run")
    assert json.loads(invoke(tiny, "status", "--json").stdout) == []
    done = invoke(tiny, "log", "alpha")
    assert done.exit_code == 1
    assert "client alpha: no run of the fleet left a log. Next: `kedro fleet run --clients alpha`" in done.stderr
    assert "did you mean 'alpha'" in invoke(tiny, "log", "alpa").stderr
    assert not (tiny / ".workbench").exists(), "looking leaves nothing"


def test_status_imports_nothing_heavy(tiny: Path) -> None:
    # Not even pydantic and rich: what is shown lies in the ledger.
    script = """
import sys
heavy = {"torch", "mlflow", "pandas", "pyarrow", "ibis", "duckdb", "sklearn", "transformers", "numpy", "pydantic"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            raise ImportError(f"{name} is imported by `kedro fleet status`")
sys.meta_path.insert(0, Refuse())
from kedro.framework.cli.cli import main
sys.argv = ["kedro", "fleet", "status"]
main()
"""
    Ledger.of(tiny).start("alpha", "act")
    done = subprocess.run([sys.executable, "-c", script], cwd=tiny, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "alpha" in done.stdout


@pytest.mark.parametrize("name", sorted(fleet.commands))
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = fleet.commands[name]
    assert f"Example: kedro fleet {name}" in str(command.help)
    assert all(option.help for option in command.params if isinstance(option, click.Option))


@pytest.mark.slow
@pytest.mark.integration
def test_a_stage_reaches_the_workers_and_is_in_the_ledger(tiny: Path, kedro: Kedro) -> None:
    layer = tiny / "conf/stages/prod/alpha"
    layer.mkdir(parents=True)
    (layer / "parameters.yml").write_text("act: raise\n")
    done = kedro(tiny, "fleet", "run", "--clients", "alpha,beta", "--pipeline", "act", "--stage", "prod", "--workers",
                 "2", "--continue-on-error", check=False)  # fmt: skip
    assert done.returncode == 1
    kedro(tiny, "run", "--env", "clients/alpha", "--pipeline", "act")
    runs = {run.number: (run.client, run.stage, run.state) for run in Ledger.of(tiny).get(range(1, 10))}
    assert sorted(runs.values(), key=str) == [
        ("alpha", "prod", "failed"),
        ("alpha", None, "succeeded"),
        ("beta", "prod", "succeeded"),
    ]
    assert "prod" in done.stdout
    refused = kedro(tiny, "fleet", "run", "--stage", "pord", check=False)
    assert "did you mean 'prod'?" in refused.stderr
    refused = kedro(tiny, "run", "--env", "clients/alpha", "--stage", "../prod", check=False)
    assert "stage '../prod' does not exist" in refused.stderr


@pytest.mark.integration
def test_the_page_is_served_until_it_is_asked_to_end(tiny: Path) -> None:
    Ledger.of(tiny).plan([("alpha", "act")])
    command = [sys.executable, "-u", "-m", "kedro", "fleet", "ui", "--port", "0", "--no-open"]
    with subprocess.Popen(command, cwd=tiny, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        address = said.removeprefix("The fleet: ").split()[0]
        with urllib.request.urlopen(address, timeout=20) as answer:
            page = answer.read().decode()
        process.terminate()
        assert process.wait(20) == 0
    assert 'href="/clients/alpha"' in page


@pytest.mark.integration
def test_the_page_as_json(tiny: Path, kedro: Kedro) -> None:
    ledger = Ledger.of(tiny)
    ledger.start("beta", "act")
    facts = json.loads(kedro(tiny, "fleet", "ui", "--json").stdout)
    assert [row["client"] for row in facts["clients"]] == ["alpha", "beta", "gamma"]
    assert [(run["client"], run["pipeline"]) for run in facts["running"]] == [("beta", "act")]


@pytest.mark.parametrize(
    ("pipeline", "clients", "force", "expected"),
    [
        ("report", 3, False, True),
        ("ingest+prepare+report", 3, False, True),
        ("__default__", 1, True, True),
        ("__default__", 2, False, False),  # it may all have been done
        ("ingest+prepare", 9, True, False),
    ],
)
def test_kernels_are_made_ready_when_reports_will_surely_be_rendered(
    pipeline: str, clients: int, force: bool, expected: bool
) -> None:
    cells = [Cell(f"client_{number}", pipeline, None) for number in range(clients)]
    assert is_long(cells, workers=2, force=force) is expected
