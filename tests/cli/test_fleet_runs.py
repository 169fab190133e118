"""Runs of the past: listed, compared, and one of them run again to the byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner, Result

from workbench.cli.fleet import fleet
from workbench.fleet.again import Compared, prepare
from workbench.fleet.ledger import Ledger
from workbench.fleet.proof import Difference, proof_of
from workbench.fleet.run import Outcome
from workbench.fleet.table import of_comparison, of_differences, of_history

ROOT = Path(__file__).parents[2]
Kedro = Callable[..., subprocess.CompletedProcess[str]]


def git(project: Path, *arguments: str) -> None:
    names = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=project, check=True, capture_output=True)


def invoke(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(fleet, arguments, obj=SimpleNamespace(project_path=project))


def last(project: Path) -> int:
    return Ledger.of(project).history("clinic")[0].number


@pytest.mark.slow
@pytest.mark.integration
def test_a_run_of_the_past_comes_out_the_same(clinic_copy: Path, kedro: Kedro) -> None:
    shutil.copy(ROOT / ".gitignore", clinic_copy)
    git(clinic_copy, "init", "--quiet")
    git(clinic_copy, "add", ".")
    git(clinic_copy, "commit", "--quiet", "-m", "first")
    kedro(clinic_copy, "run", "--env", "clients/clinic", "--pipeline", "prepare")
    first = last(clinic_copy)
    done = kedro(clinic_copy, "fleet", "rerun", str(first))
    assert done.stdout.splitlines()[-1] == "The same, byte by byte."
    assert {line.split()[0] for line in done.stdout.splitlines()[1:-2]} == {"features", "feature_roles", "primary"}
    assert not (clinic_copy / ".workbench" / "reruns" / str(first)).exists()

    parameters = clinic_copy / "conf" / "base" / "parameters.yml"
    parameters.write_text(parameters.read_text().replace("rare_share: 0.001", "rare_share: 0.002"))
    kedro(clinic_copy, "run", "--env", "clients/clinic", "--pipeline", "prepare")
    refused = kedro(clinic_copy, "fleet", "rerun", str(last(clinic_copy)), check=False)
    assert "its code was not committed as it ran, and cannot be had again" in refused.stderr
    git(clinic_copy, "commit", "--quiet", "-am", "second")
    kedro(clinic_copy, "run", "--env", "clients/clinic", "--pipeline", "prepare")
    second = last(clinic_copy)

    differing = json.loads(kedro(clinic_copy, "fleet", "diff", str(first), str(second), "--json").stdout)
    assert [(one["kind"], one["name"]) for one in differing] == [
        ("code", "commit"),
        ("code", "conf/base/parameters.yml"),
        ("configuration", "parameters.prepare.rare_share"),
    ]
    assert (differing[2]["before"], differing[2]["after"]) == ("0.001", "0.002")

    raw = next((clinic_copy / "data/clinic/01_raw").glob("*.parquet"))
    raw.write_bytes(raw.read_bytes() + b" ")
    gone = kedro(clinic_copy, "fleet", "rerun", str(first), check=False)
    assert f"{raw.relative_to(clinic_copy)} is not what the run has read" in gone.stderr
    assert "dvc checkout" in gone.stderr


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    shutil.copytree(ROOT / "conf" / "clients" / "clinic", tmp_path / "conf" / "clients" / "clinic")
    return Ledger.of(tmp_path)


def a_run(ledger: Ledger, *, commit: str | None = "c" * 40, state: str = "succeeded", **outcome: object) -> int:
    number = ledger.start("clinic", "train")
    ledger.describe(number, partial=False, git_commit=commit, config_digest=None)
    ledger.finish(number, state, seconds=1, outcome=Outcome(**outcome))  # type: ignore[arg-type]
    return number


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"state": "failed"}, "only a run that succeeded as a whole can be compared"),
        ({}, "it skipped what was done, so its proof is not whole"),
        ({"mlflow_run": "m", "skipped": 3}, "it skipped what was done, so its proof is not whole"),
        ({"mlflow_run": "m", "commit": None}, "its code was not committed as it ran"),
        ({"mlflow_run": "m", "commit": "c" * 40 + "-dirty"}, "its code was not committed as it ran"),
    ],
)
def test_what_cannot_be_run_again_is_refused(ledger: Ledger, row: dict[str, object], sentence: str) -> None:
    number = a_run(ledger, **row)  # type: ignore[arg-type]
    done = invoke(ledger.path.parents[1], "rerun", str(number))
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert f"run {number} of client clinic" in done.stderr


def test_what_would_be_run(ledger: Ledger) -> None:
    number = a_run(ledger, mlflow_run="m")
    done = invoke(ledger.path.parents[1], "rerun", str(number), "--dry-run")
    assert done.stdout == (
        f"Would check out {'c' * 12} beside the project, and type: kedro run --env clients/clinic --pipelines train\n"
    )
    assert prepare(ledger.path.parents[1], number).to_dict()["commit"] == "c" * 40


def test_a_number_that_is_none(ledger: Ledger) -> None:
    number = a_run(ledger)
    project = ledger.path.parents[1]
    assert "run 99 is not in the ledger" in invoke(project, "diff", "99", str(number)).stderr
    assert "it left no proof" in invoke(project, "diff", str(number), str(number)).stderr
    assert "run 99 is not in the ledger" in invoke(project, "rerun", "99").stderr
    assert "client 'nobody' is not in the registry" in invoke(project, "history", "nobody").stderr
    with pytest.raises(Exception, match="run 99"):
        proof_of(project, 99)


def test_the_tables(ledger: Ledger) -> None:
    a_run(ledger, commit="c" * 40 + "-dirty", ran=1, skipped=2, metric="roc_auc", value=0.5)
    shown = click.unstyle(of_history(ledger.history("clinic"))).splitlines()[1].split()
    assert [shown[0], shown[1], *shown[5:]] == ["1", "train", "1.0s", "1", "of", "3", "ccccccccc+", "roc_auc", "0.5000"]
    assert of_history([]) == "No run yet."
    assert of_differences([]).startswith("Nothing differs")
    found = [
        Difference("metric", "roc_auc", 0.123456789, None),
        Difference("code", "commit", "a" * 40 + "-dirty", "x" * 99),
    ]
    lines = click.unstyle(of_differences(found)).splitlines()
    assert lines[1].split() == ["metric", "roc_auc", "0.123457", "—"]
    assert lines[2].split() == ["code", "commit", "a" * 12 + "-dirty", "x" * 59 + "…"]
    compared = [Compared("features", "a" * 64, "a" * 64, True), Compared("metrics", "a" * 64, "b" * 64, False)]
    assert of_comparison(compared).splitlines()[-1] == "The same, byte by byte."
    assert of_comparison([Compared("features", "a" * 64, "b" * 64, True)]).splitlines()[-1] == "1 of 1 differ."
