"""The store: where it is, that many may open it at once, that it can be moved, and what is said when it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import ConfigurationError, Transient
from workbench.registry import local_store
from workbench.registry.store import Store, open_store, tracking_uri

OPEN = (
    "import sys, pathlib; from workbench.registry.store import open_store; print(open_store(pathlib.Path(sys.argv[1]))"
)


def start(project: Path, call: str) -> subprocess.Popen[str]:
    """A process of its own that opens the store and calls something on it."""
    return subprocess.Popen([sys.executable, "-c", f"{OPEN}{call})", str(project)], stdout=-1, stderr=-1, text=True)


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/.mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert tracking_uri(tmp_path) == "https://mlflow.example"


def test_an_experiment_has_the_clients_name_and_its_artifacts_lie_in_the_project(store: Store) -> None:
    experiment = store.api.get_experiment(store.experiment("skyways"))
    assert experiment.name == "skyways"
    assert experiment.artifact_location == str(store.project / ".mlflow/artifacts/skyways")
    assert store.experiment("skyways") == experiment.experiment_id


def test_opening_leaves_the_environment_alone_and_forbids_pickles(store_project: Path) -> None:
    open_store(store_project)
    assert not {"MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"} & set(os.environ)
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


@pytest.mark.slow
def test_processes_that_begin_at_once_share_one_store_also_after_one_was_killed(tmp_path: Path) -> None:
    first, folder = start(tmp_path, ""), tmp_path / ".mlflow"
    deadline = time.monotonic() + 240
    while not list(folder.glob(".staging-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    first.kill()
    first.communicate()
    assert not (folder / "mlflow.db").exists(), "half of a schema must not have the name of the store"
    running = [start(tmp_path, ".experiment('clinic')") for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in running]
    assert outputs == [("1\n", ""), ("1\n", "")], "the same experiment, and nothing on standard error"
    with sqlite3.connect(folder / "mlflow.db") as connection:
        assert connection.execute("SELECT count(*) FROM experiments").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_copy_of_a_project_has_its_own_artifacts(store: Store, tmp_path: Path) -> None:
    run = store.api.create_run(store.experiment("clinic"))
    note = Path(run.info.artifact_uri, "note.txt")
    note.parent.mkdir(parents=True)
    note.write_text("hello")
    copy = open_store(Path(shutil.copytree(store.project, tmp_path / "copy")))
    assert copy.api.get_run(run.info.run_id).info.artifact_uri.startswith(f"{copy.project}/.mlflow/artifacts/clinic/")
    copy.api.log_text(run.info.run_id, "changed", "note.txt")
    assert (copy.project / note.relative_to(store.project)).read_text() == "changed"
    assert note.read_text() == "hello", "the original must not change"


def test_a_sibling_with_the_same_prefix_is_left_alone(store: Store, tmp_path: Path) -> None:
    elsewhere = f"{store.project}/.mlflow/artifacts_of_another"
    store.api.create_experiment("other", artifact_location=elsewhere)
    copy = open_store(Path(shutil.copytree(store.project, tmp_path / "copy")))
    assert copy.api.get_experiment_by_name("other").artifact_location == elsewhere


def test_a_deleted_experiment_is_named_with_the_command_that_brings_it_back(store: Store) -> None:
    experiment = store.experiment("clinic")
    store.api.delete_experiment(experiment)
    with pytest.raises(ConfigurationError, match=f"restore --experiment-id {experiment}"):
        store.experiment("clinic")


def test_a_schema_of_another_version_is_explained(store_project: Path) -> None:
    with sqlite3.connect(store_project / ".mlflow/mlflow.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'e0b6ecc7e6a5'")
    with pytest.raises(ConfigurationError, match="mlflow db upgrade sqlite://"):
        open_store(store_project)


def test_a_file_that_is_no_database_is_explained(store_project: Path) -> None:
    (store_project / ".mlflow/mlflow.db").write_text("not a database" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        open_store(store_project)


def test_a_server_that_is_down_may_be_up_later_and_its_password_is_not_told(
    store_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://smith:hunter2@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Transient) as caught:
        open_store(store_project)
    assert "hunter2" not in str(caught.value)
    assert "run the same command again" in str(caught.value)


def test_a_run_flushes_once_and_the_file_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    local_store.flush_less()
    store = open_store(tmp_path)
    engine = store.api._tracking_client.store.engine
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1, "NORMAL"
    engine.dispose()
    event.remove(Engine, "connect", local_store._flush_at_checkpoints)
    flushed: list[int] = []
    monkeypatch.setattr("os.fsync", flushed.append)
    local_store.flush(tmp_path)
    assert flushed, "at least the database itself"
