"""``kedro mlflow``: the pages open on the project's store; the champions are named."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.mlflow import mlflow
from workbench.registry import models
from workbench.registry.store import Store


def call(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(mlflow, arguments, obj=SimpleNamespace(project_path=project), prog_name="kedro mlflow")


def test_help_imports_no_mlflow() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from workbench.cli.mlflow import mlflow;"
        "print(CliRunner().invoke(mlflow, ['ui', '--help']).exit_code, 'mlflow' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["0", "False"]


def test_champions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    store.api.create_registered_model("clinic")
    tags = {"sha256": "0", "holdout.roc_auc": "0.99", "reasons": "there is no champion yet"}
    store.api.create_model_version("clinic", source="somewhere", tags=tags)
    models.set_alias(store, "clinic", "champion", 1)
    result = call(store.project, "champions", "--json")
    assert result.exit_code == 0, result.output
    rows = {row["client"]: row for row in json.loads(result.output)}
    assert rows["clinic"]["version"] == 1
    assert rows["clinic"]["metric"] == "roc_auc 0.9900"
    assert rows["skyways"]["version"] is None
    assert "there is no champion yet" in call(store.project, "champions").output


def test_a_tuned_language_model_is_named_beside_its_client_s_champion(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for client, crowned in (("clinic", True), ("skyways", False)):
        store.api.create_registered_model(f"{client}-tune")
        tags = {"sha256": "0", "holdout.rouge_l": "0.7", "reasons": "better than its base"}
        store.api.create_model_version(f"{client}-tune", source="somewhere", tags=tags)
        if crowned:
            models.set_alias(store, f"{client}-tune", "champion", 1)
    rows = json.loads(call(store.project, "champions", "--json").output)
    assert [(row["client"], row["model"], row["version"]) for row in rows] == [
        ("clinic", "clinic", None),
        ("clinic", "clinic-tune", 1),
        ("skyways", "skyways", None),
        ("skyways", "skyways-tune", None),
        ("tradewinds", "tradewinds", None),
    ]
    assert rows[1]["metric"] == "rouge_l 0.7000"
    assert "better than its base" in call(store.project, "champions").output


def test_a_port_that_is_taken_is_named_with_the_next_one(store_project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = call(store_project, "ui", "--port", str(port))
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.output
    assert f"--port {port + 1}" in result.output


def test_a_server_is_not_started_twice(store_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://smith:hunter2@mlflow.example")
    result = call(store_project, "ui")
    assert result.exit_code == 0
    assert "https://[redacted]@mlflow.example" in result.output


@pytest.mark.slow
@pytest.mark.integration
def test_the_pages_open_and_all_of_it_ends_with_the_command(store_project: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "from pathlib import Path; from types import SimpleNamespace; from workbench.cli.mlflow import mlflow;"
        f"mlflow(['ui', '--port', '{port}'], obj=SimpleNamespace(project_path=Path({str(store_project)!r})))"
    )
    command = subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=subprocess.STDOUT, text=True)
    try:
        assert "experiments" in get(f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search?max_results=5")
        children = subprocess.check_output(["ps", "-o", "args=", "--ppid", str(command.pid)], text=True)
        assert "sqlite" not in children, "the address, which may hold a password, is not in the list of processes"
    finally:
        command.send_signal(signal.SIGTERM)
        output, _ = command.communicate(timeout=60)
    assert f"http://127.0.0.1:{port}/#/models" in output
    deadline = time.monotonic() + 20
    while listening(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listening(port), "no server is left behind"


def get(address: str) -> str:
    deadline = time.monotonic() + 240
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_says_that_nobody_is_asked_for_a_password(store_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.cli.mlflow._serve", lambda *_: os.EX_OK)
    result = call(store_project, "ui", "--host", "0.0.0.0", "--port", "59999")
    assert "MLflow asks nobody for a password" in result.output
