"""``kedro client add`` as a person types it: from a file to a client that runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.client import client
from workbench.clients import ClientRegistry

CSV = "id;seen_on;size;kind;good\n" + "".join(
    f"r{n};2024-{1 + n // 60:02}-{1 + n % 28:02};{(n * 37) % 101};{'abc'[n % 3]};{int((n * 37) % 101 > 50)}\n"
    for n in range(600)
)


def invoke(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(client, ["add", *arguments], obj=SimpleNamespace(project_path=project))


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "things.csv").write_text(CSV)
    result = invoke(tmp_path, "acme", "--from", str(tmp_path / "things.csv"), "--target", "good", "--dry-run")
    assert result.exit_code == 0
    assert "+key: [id] # 600 rows, 600 different values" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["things.csv"]
    record = json.loads(
        invoke(
            tmp_path, "acme", "--from", str(tmp_path / "things.csv"), "--target", "good", "--dry-run", "--json"
        ).stdout
    )
    assert (record["rows"], record["task"]["value"], record["time_column"]["value"]) == (600, "binary", "seen_on")
    assert set(record["files"]) == {"client.yml", "schema.yml"}


def test_a_wrong_target_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "things.csv").write_text(CSV)
    result = invoke(tmp_path, "acme", "--from", str(tmp_path / "things.csv"), "--target", "goood")
    assert result.exit_code == 1
    assert "did you mean 'good'?" in result.output


@pytest.mark.slow
@pytest.mark.integration
def test_from_a_file_to_a_client_that_runs(
    project: Path, tmp_path: Path, kedro: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    inbox = tmp_path / "things.csv"
    inbox.write_text(CSV)
    before = {path for path in project.rglob("*") if "__pycache__" not in path.parts}
    said = kedro(project, "client", "add", "acme", "--from", str(inbox), "--target", "good").stdout
    assert "✓ all pipelines on a sample of 600 rows" in said
    assert said.rstrip().endswith("Next: kedro run --env clients/acme")
    one = ClientRegistry(project).load("acme")
    assert (one.key, one.time_column, one.task) == (("id",), "seen_on", "binary")
    after = {path for path in project.rglob("*") if "__pycache__" not in path.parts} - before
    made = {path.relative_to(project).as_posix() for path in after if path.is_file()}
    assert {name for name in made if not name.startswith(".workbench/")} == {
        "conf/clients/acme/client.yml", "conf/clients/acme/schema.yml", "data/acme/00_landing/things.csv",
    }, "the trial leaves nothing behind"  # fmt: skip
    kedro(project, "run", "--pipelines", "ingest,prepare", "--env", "clients/acme")
