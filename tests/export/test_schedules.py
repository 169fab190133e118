"""The schedules in the words of other schedulers."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

import pytest
import yaml

from workbench.clients import ClientRegistry
from workbench.errors import ConfigurationError
from workbench.export.schedules import EXPORTS, ExportOptions
from workbench.schedules.entries import Entry, entries

OPTIONS = ExportOptions(project="/srv/it's %here", kedro=".venv/bin/kedro")


@pytest.fixture
def found(fleet: Any) -> list[Entry]:
    project = fleet(
        acme={"weekly": {"cron": "0 6 * * 1", "timezone": "America/New_York"}, "daily": {"cron": "30 2 * * *"}},
        big_client={"weekly": {"cron": "0 6 * * 1", "missed": "all", "retries": 7}},
        big__client={"weekly": {"cron": "0 6 * * 1"}},
    )
    registry = ClientRegistry(project)
    return entries(registry, registry.ids())


def test_a_crontab(found: list[Entry]) -> None:
    text = EXPORTS["cron"](found, OPTIONS)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines[:2] == [
        "CRON_TZ=America/New_York",
        "0 6 * * 1 cd '/srv/it'\"'\"'s \\%here' && .venv/bin/kedro report schedule slot acme weekly",
    ]
    assert lines.count("CRON_TZ=UTC") == 1
    command = lines[1].split(" ", 5)[5].replace(r"\%", "%")
    assert shlex.split(command)[1] == OPTIONS.project


def test_cron_jobs(found: list[Entry]) -> None:
    manifests = list(yaml.safe_load_all(EXPORTS["kubernetes"](found, OPTIONS)))
    names = [manifest["metadata"]["name"] for manifest in manifests]
    assert len(set(names)) == 4, "clients whose names differ by an underscore stay apart"
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", name) for name in names), names
    spec = manifests[1]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 6 * * 1", "America/New_York")
    assert spec["concurrencyPolicy"] == "Forbid"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["report", "schedule", "slot", "acme", "weekly"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    secrets = {m["metadata"]["labels"]["client"]: m["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
               ["envFrom"][0]["secretRef"]["name"] for m in manifests}  # fmt: skip
    assert secrets["acme"] == "workbench-acme"


def test_a_workflow_that_knows_utc_only(found: list[Entry]) -> None:
    workflow = yaml.load(EXPORTS["github"](found, OPTIONS), Loader=yaml.BaseLoader)
    times = [entry["cron"] for entry in workflow["on"]["schedule"]]
    assert times == ["0 10 * * *", "0 11 * * *", "0 6 * * *", "30 2 * * *"], "six in New York, in summer and in winter"
    job = workflow["jobs"]["acme__weekly"]
    assert "'0 10 * * *'" in job["if"]
    assert "'0 6 * * *'" not in job["if"]
    assert job["steps"][-1]["run"].endswith("slot acme weekly --within 50")


def test_too_often_for_github(fleet: Any) -> None:
    registry = ClientRegistry(fleet(acme={"often": {"cron": "*/10 * * * *"}}))
    with pytest.raises(ConfigurationError, match=r"client acme, schedule often: .* too often for GitHub Actions"):
        EXPORTS["github"](entries(registry, ["acme"]), OPTIONS)


def test_an_airflow_file_is_python_and_no_name_is_part_of_a_command(found: list[Entry]) -> None:
    text = EXPORTS["airflow"](found, OPTIONS)
    tree = ast.parse(text)
    assert "@SCHEDULES@" not in text
    (command,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "COMMAND"
    )
    assert "acme" not in command
    assert "{{" not in command
    assert "catchup" in text
