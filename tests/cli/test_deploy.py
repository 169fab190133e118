"""``kedro deploy``, as a person types it."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kedro.framework.project import configure_project

from workbench.cli.deploy import deploy
from workbench.clients import ClientRegistry
from workbench.fleet import memory
from workbench.secrets import secrets_of
from workbench.targets.opening import Place, open_target, settings_of

Kedro = Callable[..., subprocess.CompletedProcess[str]]


def configure(project: Path, **settings: Any) -> None:
    path = project / "conf/clients/clinic/client.yml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | settings))


@pytest.fixture
def served(clinic_copy: Path) -> Iterator[Path]:
    """The clinic's project, with its local target on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configure(clinic_copy, deploy={"laptop": {"kind": "local", "port": port, "poll_seconds": 0.02}})
    yield clinic_copy
    settings = settings_of(ClientRegistry(clinic_copy).load("clinic"), "laptop")
    target = open_target(Place(clinic_copy, "clinic", "laptop", settings, secrets_of(clinic_copy, "clinic")))
    target.process.stop()  # type: ignore[attr-defined]


def typed(project: Path, command: str, *more: str, target: str = "laptop") -> Result:
    """Give a command as a person in the project's folder would."""
    words = [command, "--env", "clients/clinic", "--target", target, *more]
    return CliRunner().invoke(deploy, words, obj=Project(project))


class Project:
    """What Kedro hands to commands."""

    def __init__(self, path: Path) -> None:
        self.project_path = path


@pytest.mark.slow
@pytest.mark.integration
def test_the_way_of_a_version(served: Path) -> None:
    plan = typed(served, "plan")
    assert re.search(r"clinic → laptop \(this machine, 127\.0\.0\.1:\d+\): version 1", plan.stdout)
    assert re.search(r"\+ served version +workbench-clinic-v1", plan.stdout)
    digest = json.loads(typed(served, "apply", "--dry-run", "--json").stdout)["digest"]
    done = typed(served, "apply", "--plan", digest)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Version 1 is there.\n  traffic: version 1: 100 %\n  compared: ")
    assert "server workbench-clinic: creating" in done.stderr
    status = typed(served, "status")
    assert (status.exit_code, status.stdout.count("ready")) == (0, 2)
    again = json.loads(typed(served, "apply", "--json").stdout)
    assert (again["changed"], again["traffic"], again["stable"]) == (False, {"1": 100}, 1)
    refused = typed(served, "canary")
    assert refused.exit_code == 1
    assert "there is no candidate. Next: `kedro deploy apply --env clients/clinic --target laptop`" in refused.stderr
    assert json.loads(typed(served, "destroy", "--dry-run", "--json").stdout)["dry_run"]
    assert typed(served, "destroy").exit_code == 1  # nobody said yes
    gone = typed(served, "destroy", "--yes")
    assert gone.stdout.startswith("Nothing is left.")
    assert json.loads(typed(served, "status", "--json").stdout)["parts"] == []


def test_all_targets_beside_each_other(clinic_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    configure_project("pipelines")
    configure(clinic_copy, budgets={"serving_monthly": 100})
    shown = typed(clinic_copy, "plan", target="all")
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert re.match(r"local +this machine +0\.00 ", lines[2])
    assert any(re.match(r"databricks +Small +204\.40 .*over the budget of 100\.00", line) for line in lines)
    found = json.loads(typed(clinic_copy, "plan", "--json", target="all").stdout)
    kinds = [(one["kind"], one["machine"], one["feasible"]) for one in found["options"]]
    assert kinds[0] == ("local", "this machine", True)
    assert not any(feasible for kind, _, feasible in kinds if kind != "local")
    assert found["train_seconds"] > 0
    assert found["milliseconds"] > 0
    assert found["memory_mib"] > 50
    assert found["memory_from"] == "this process, for want of a server's"
    # What a server of the version took is better known than what this process takes.
    memory.record(clinic_copy, "clinic", 1, 5555.0)
    again = json.loads(typed(clinic_copy, "plan", "--json", target="all").stdout)
    assert again["memory_mib"] == 5555.0
    assert again["memory_from"].startswith("the most of a server of version 1, 2")
    problems = {one["machine"]: one["problem"] for one in again["options"]}
    assert problems["n1-standard-2"] == "needs 8.1 GiB, has 7.5"


def test_what_is_wrong_is_told_before_anything_is_touched(clinic_copy: Path) -> None:
    for words, said in (
        (("plan", "--version", "77"), "client clinic has no model version 77"),
        (("status", "--target", "locl"), "there is no target 'locl'"),
    ):
        done = CliRunner().invoke(deploy, [words[0], "--env", "clients/clinic", *words[1:]], obj=Project(clinic_copy))
        assert done.exit_code == 1
        assert said in done.stderr
    done = CliRunner().invoke(deploy, ["plan", "--env", "clients/../x"], obj=Project(clinic_copy))
    assert done.exit_code == 1
    assert not (clinic_copy / ".workbench/serving").exists()


def test_a_release_is_whole_or_refused(clinic_copy: Path) -> None:
    assert typed(clinic_copy, "plan", target="local").exit_code == 0
    folder = clinic_copy / "models/clinic/releases/1"
    manifest = next((folder / "data/model").glob("*.safetensors"))
    manifest.write_bytes(manifest.read_bytes()[:-1])
    done = typed(clinic_copy, "plan", target="local")
    assert done.exit_code == 1
    assert "its copy is not what was registered (sha256 differs). Next: remove that folder" in done.stderr
    shutil.rmtree(folder)
    assert typed(clinic_copy, "plan", target="local").exit_code == 0


@pytest.mark.slow
@pytest.mark.integration
def test_the_pipeline_does_what_the_command_does(served: Path, kedro: Kedro) -> None:
    kedro(served, "run", "--pipelines", "deploy", "--env", "clients/clinic", "--params", "deploy.target=laptop")
    record = json.loads((served / "data/clinic/08_reporting/deployment.json").read_text())
    assert (record["version"], record["traffic"]) == (1, {"1": 100})
    assert json.loads((served / "data/clinic/08_reporting/deployment_plan.json").read_text())["version"] == 1
    refused = kedro(served, "client", "remove", "clinic", "--erase", "--yes", check=False)
    assert refused.returncode == 1
    assert "it is deployed to laptop. Next: take that down first: `kedro deploy destroy" in refused.stderr


def test_clients_and_targets_are_completed(served: Path) -> None:
    import click

    from workbench.cli.deploy import _clients, _targets

    context = click.Context(deploy, obj=Project(served))
    assert "clients/clinic" in _clients(context, None, "clients/cl")  # type: ignore[arg-type]
    context.params = {"env": "clients/clinic"}
    assert _targets(context, None, "l") == ["laptop"]  # type: ignore[arg-type]
