"""One stage's results are never written over by another's, and an exported schedule stays in its stage."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from workbench import audit
from workbench.cli.client import client
from workbench.cli.fleet import fleet as fleet_command
from workbench.cli.report import report
from workbench.errors import ConfigurationError
from workbench.files import sha256_of_folder
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.stage import keep_stage, set_stage, stage_of

CLIENT = """
id: acme
title: Acme
owner: somebody
sources: {samples: {kind: sklearn, dataset: breast_cancer}}
key: [sample_id]
target: malignant
task: binary
metric: {name: roc_auc}
schedule: {weekly: {cron: "0 6 * * 1", timezone: UTC, templates: [model_card]}}
"""


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    folder = tmp_path / "conf/clients/acme"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text(CLIENT)
    return tmp_path


def invoke(project: Path, *arguments: str, command: Any = client) -> Any:
    return CliRunner().invoke(command, [*arguments], obj=SimpleNamespace(project_path=project))


@pytest.mark.parametrize("first", ["prod", "dev", None])
@pytest.mark.parametrize("second", ["prod", "staging", None])
def test_the_first_run_decides(tmp_path: Path, first: str | None, second: str | None) -> None:
    keep_stage(tmp_path, "acme", first)
    keep_stage(tmp_path, "acme", first)
    keep_stage(tmp_path, "acme_2", second)
    if first == second:
        keep_stage(tmp_path, "acme", second)
        return
    with pytest.raises(ConfigurationError, match="it would overwrite them") as caught:
        keep_stage(tmp_path, "acme", second)
    assert f"`kedro client stage acme {second or 'none'}`" in str(caught.value)
    assert stage_of(tmp_path, "acme") == (first or "none"), "a refusal changes nothing"


def test_a_file_that_was_damaged_is_said(tmp_path: Path) -> None:
    set_stage(tmp_path, "acme", "prod")
    (state_folder(tmp_path) / "stages" / "acme").write_text("pord")
    with pytest.raises(ConfigurationError, match="stage 'pord' does not exist .*did you mean 'prod'"):
        keep_stage(tmp_path, "acme", "prod")


def test_a_person_can_say_otherwise_and_that_is_on_record(acme: Path) -> None:
    assert "nothing was run here yet" in invoke(acme, "stage", "acme").output
    keep_stage(acme, "acme", None)
    assert "would be stage prod" in invoke(acme, "stage", "acme", "prod", "--dry-run").output
    assert stage_of(acme, "acme") == "none"
    said = json.loads(invoke(acme, "stage", "acme", "prod", "--json").output)
    assert said == {"client": "acme", "before": "none", "stage": "prod", "dry_run": False}
    keep_stage(acme, "acme", "prod")
    assert "client.stage" in audit.files(acme)[0].read_text()
    lock = ClientLock(state_folder(acme), "acme")
    lock.acquire("run")
    try:
        refused = invoke(acme, "stage", "acme", "dev")
        assert refused.exit_code == 75
    finally:
        lock.release()
    assert stage_of(acme, "acme") == "prod", "not while a run is going on"


@pytest.mark.slow
@pytest.mark.integration
def test_a_run_of_another_stage_changes_no_byte(
    project: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    kedro(project, "run", "--env", "clients/clinic", "--pipelines", "ingest", "--stage", "prod")
    before = sha256_of_folder(project / "data/clinic")
    refused = kedro(project, "run", "--env", "clients/clinic", "--pipelines", "ingest", "--stage", "dev", check=False)
    assert refused.returncode == 1
    assert "are of stage prod, and this run is of stage dev: it would overwrite them" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sha256_of_folder(project / "data/clinic") == before
    states = [(row.stage, row.state) for row in Ledger.of(project).last()]
    assert states == [("dev", "failed")], "who tried is on record"


@pytest.mark.parametrize("target", ["cron", "kubernetes", "github", "airflow"])
def test_an_exported_schedule_stays_in_its_stage(acme: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_STAGE", raising=False)
    without = invoke(acme, "schedule", "export", "--to", target, command=report).output
    assert "WORKBENCH_STAGE" not in without
    monkeypatch.setenv("WORKBENCH_STAGE", "prod")
    text = invoke(acme, "schedule", "export", "--to", target, command=report).output
    if target == "cron":
        assert "&& env WORKBENCH_STAGE=prod .venv/bin/kedro report schedule slot acme weekly" in text
    elif target == "kubernetes":
        (container,) = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "WORKBENCH_STAGE", "value": "prod"}]
    elif target == "github":
        assert yaml.safe_load(text)["jobs"]["acme__weekly"]["env"] == {"WORKBENCH_STAGE": "prod"}
    else:
        assert '"environment": {"WORKBENCH_STAGE": "prod"}' in text


def test_an_exported_fleet_stays_in_its_stage(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kedro.framework.project import pipelines

    monkeypatch.setenv("WORKBENCH_STAGE", "dev")
    monkeypatch.setattr(type(pipelines), "keys", lambda _: ["ingest"])
    options = ("export", "--pipeline", "ingest", "--stage", "prod")
    (container,) = yaml.safe_load(invoke(acme, *options, "--to", "kubernetes", command=fleet_command).output)["spec"][
        "template"
    ]["spec"]["containers"]
    assert {"name": "WORKBENCH_STAGE", "value": "prod"} in container["env"]
    dag = invoke(acme, *options, "--to", "airflow", command=fleet_command).output
    assert '"environment": {"WORKBENCH_STAGE": "prod"}' in dag
    refused = invoke(acme, "export", "--to", "kubernetes", "--stage", "prod; rm -rf /", command=fleet_command)
    assert refused.exit_code == 1
