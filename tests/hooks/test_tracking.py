"""A Kedro run leaves an MLflow run behind: with what it was made of, how it ended, and without a secret."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner

from workbench.datasets import CsvTable, JsonRecord, ParquetTable, TableFolder
from workbench.errors import DataError
from workbench.files import sha256_of_path
from workbench.fleet.process import Process
from workbench.hooks.tracking import TrackingHooks, _text_of
from workbench.registry import runs
from workbench.registry.store import Store, open_store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracking")
    shutil.copytree(ROOT / "conf", folder / "conf")
    open_store(folder)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[Path]:
    import mlflow

    folder = Path(shutil.copytree(template, tmp_path / "project"))
    (folder / "raw").mkdir()
    for name in ("flights", "planes"):
        pq.write_table(pa.table({"id": [1, 2, 3], "name": [name, None, "x"]}), folder / f"raw/{name}.parquet")
    yield folder
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def catalog_of(project: Path) -> DataCatalog:
    parameters = {"train": {"epochs": 3, "token": "hunter2"}, "score": {"batch_rows": 1}}
    catalog = DataCatalog(
        {
            "raw": TableFolder(filepath=str(project / "raw")),
            "primary": ParquetTable(filepath=str(project / "primary.parquet")),
            "candidate": JsonRecord(filepath=str(project / "candidate.json")),
            "metrics": JsonRecord(filepath=str(project / "metrics.json")),
            "tuning": CsvTable(filepath=str(project / "tuning.csv")),
        }
    )
    catalog["parameters"] = parameters
    for name, value in parameters.items():
        catalog[f"params:{name}"] = value
    return catalog


def run(project: Path, pipeline: Pipeline, **run_params: Any) -> None:
    """What ``KedroSession.run`` does, with our hook alone."""
    manager = _create_hook_manager()
    manager.register(TrackingHooks())
    catalog = catalog_of(project)
    params = {
        "run_id": "2026-01-01T00.00.00.000Z",
        "project_path": str(project),
        "env": "clients/clinic",
        "pipeline_names": ["train"],
        **run_params,
    }
    common = {"run_params": params, "pipeline": pipeline, "catalog": catalog}
    manager.hook.before_pipeline_run(**common)
    try:
        result = SequentialRunner().run(pipeline, catalog, manager, run_id=params["run_id"])
    except Exception as error:
        manager.hook.on_pipeline_error(error=error, **common)
        raise
    manager.hook.after_pipeline_run(run_result=result, **common)


def runs_of(project: Path) -> tuple[Store, list[Any]]:
    store = open_store(project)
    return store, store.api.search_runs([store.experiment("clinic")])


JOIN = Pipeline(
    [
        node(lambda raw, _: raw["flights"], ["raw", "params:train"], "primary", name="join_tables"),
        node(lambda primary: {"network.roc_auc": 0.75, "note": "x"}, "primary", "metrics", name="evaluate"),
    ]
)


def test_a_run_says_who_what_and_from_what(project: Path) -> None:
    run(project, JOIN)
    _, (found,) = runs_of(project)
    assert found.info.status == "FINISHED"
    assert found.info.run_name.startswith("clinic train 20")
    tags = found.data.tags
    assert tags["client"] == "clinic"
    assert tags["pipeline"] == "train"
    assert tags["kedro_session"] == "2026-01-01T00.00.00.000Z"
    assert len(tags["config_sha256"]) == 64
    assert tags["code_version"].startswith("0.")
    assert len(tags["sha256.primary"]) == 64
    assert found.data.params == {"train.epochs": "3", "train.token": "[redacted]"}, "only what the pipeline takes"
    assert found.data.metrics == {"network.roc_auc": 0.75}
    inputs = {one.dataset.name: one for one in found.inputs.dataset_inputs}
    assert set(inputs) == {"raw.flights", "raw.planes", "primary"}
    flights = inputs["raw.flights"]
    assert json.loads(flights.dataset.profile) == {"num_rows": 3}
    assert [c["type"] for c in json.loads(flights.dataset.schema)["mlflow_colspec"]] == ["long", "string"]
    source = json.loads(flights.dataset.source)
    assert source["uri"] == "raw/flights.parquet"
    assert source["sha256"].startswith(flights.dataset.digest)
    assert flights.tags[0].value == "join_tables"
    configuration = Path(found.info.artifact_uri, "configuration.json").read_text()
    assert json.loads(configuration)["client"]["id"] == "clinic"
    assert "hunter2" not in configuration


def test_a_node_that_reads_a_candidate_finds_the_run_that_made_it(project: Path) -> None:
    """What a run has written is noted, and sent together: but before anybody can look for it."""
    found: list[str | None] = []

    def look(_: Any) -> dict[str, float]:
        present = runs.current()
        assert present is not None
        sha256 = sha256_of_path(project / "candidate.json")
        training = runs.find_training_run(present.store, "clinic", sha256)
        found.extend([present.id, training and training.run_id])
        return {}

    made = node(lambda: {"weights": 1}, None, "candidate", name="fit")
    run(project, Pipeline([made, node(look, "candidate", "metrics", name="look")]))
    assert found[0] is not None
    assert found[0] == found[1]


def trials(losses: list[float | None]) -> pa.Table:
    """As ``train`` leaves them: the second is the best, the last has no loss."""
    return pa.table(
        {
            "trial": range(len(losses)),
            "state": ["complete" if loss is not None else "fail" for loss in losses],
            "validation_loss": pa.array(losses, pa.float64()),
            "epochs": [3] * len(losses),
            "seconds": [1.0] * len(losses),
            "best": [at == 1 for at in range(len(losses))],
            "learning_rate": [0.001 * (at + 1) for at in range(len(losses))],
            "width": [64.0] * len(losses),
        }
    )


@pytest.mark.parametrize(("losses", "drawn"), [([0.5, 0.4, 0.7, None], True), ([0.5, None], False), ([], False)])
def test_a_search_for_settings_is_drawn_beside_its_run(losses: list[float | None], drawn: bool, project: Path) -> None:
    run(project, Pipeline([node(lambda _: trials(losses), "raw", "tuning", name="fit")]))
    store, (found,) = runs_of(project)
    artifacts = {item.path for item in store.api.list_artifacts(found.info.run_id, "tuning")}
    assert artifacts == ({"tuning/parallel_coordinates.svg"} if drawn else set())
    if drawn:
        svg = Path(found.info.artifact_uri, "tuning/parallel_coordinates.svg").read_text()
        for text in ("learning rate", "width", "validation loss", "3 trials; lower is better", "0.001", "0.003"):
            assert f"<!-- {text} -->" in svg, text
        assert svg.count("stroke: #2f6fde") == 1, "one line is the best"


def test_mlflow_in_a_node_goes_to_the_run(project: Path) -> None:
    def log() -> dict[str, float]:
        import mlflow

        mlflow.log_metric("mine", 1.0)
        current = runs.current()
        assert current is not None
        current.log_metrics({"loss": 0.5}, step=7)
        return {}

    run(project, Pipeline([node(log, None, "metrics", name="log")]))
    store, (found,) = runs_of(project)
    assert found.data.metrics == {"mine": 1.0, "loss": 0.5}
    assert store.api.get_metric_history(found.info.run_id, "loss")[0].step == 7
    assert runs.current() is None


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            DataError("column 'dep_time' is missing", where="client clinic, table flights"),
            "client clinic, table flights: column 'dep_time' is missing",
        ),
        (ValueError("cannot open postgresql://smith:hunter2@db/x"), "node fail: ValueError; its log has the details"),
    ],
)
def test_a_run_that_fails_says_why_in_one_sentence(project: Path, error: Exception, sentence: str) -> None:
    def fail(_: Any) -> dict[str, Any]:
        raise error

    with pytest.raises(type(error)):
        run(project, Pipeline([node(fail, "raw", "metrics", name="fail")]))
    _, (found,) = runs_of(project)
    assert found.info.status == "FAILED"
    assert found.data.tags["error"] == sentence


def test_what_persists_nothing_is_not_tracked_and_imports_no_mlflow(project: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from kedro.pipeline import Pipeline, node
from test_tracking import run
def nothing(): return 1
run(Path({str(project)!r}), Pipeline([node(nothing, None, "memory", name="nothing")]))
print("mlflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_base_is_nobodys_run(project: Path) -> None:
    run(project, JOIN, env="base")
    assert runs_of(project)[1] == []


def test_a_broken_record_does_not_break_the_run(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    def break_store() -> dict[str, Any]:
        current = runs.current()
        assert current is not None
        current.store.api.delete_run(current.id)
        return {"network.roc_auc": 0.5}

    run(project, Pipeline([node(break_store, None, "metrics", name="break_store")]))
    assert (project / "metrics.json").exists()
    assert "not recorded in MLflow" in caplog.text


@pytest.mark.slow
def test_a_run_whose_process_ends_in_the_middle_is_killed_not_finished(project: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(project, tmp_path / "other"))
    interrupted, killed = die(project, signal.SIGINT), die(other, signal.SIGKILL)
    for process in (interrupted, killed):
        process.communicate(timeout=300)
        assert process.returncode != 0
    _, (found,) = runs_of(project)
    assert found.info.status == "KILLED", "by the process itself, on its way out"
    assert found.data.tags["error"] == "the process ended in the middle of the run"
    store, (found,) = runs_of(other)
    assert found.info.status == "RUNNING", "nobody could say more"
    run(other, JOIN)
    found = store.api.get_run(found.info.run_id)
    assert (found.info.status, found.data.tags["error"]) == ("KILLED", "the process was killed"), "by the next run"


def die(project: Path, how: signal.Signals) -> subprocess.Popen[str]:
    """A run of its own process, which gets a signal in the middle of its node."""
    code = f"""
import os, sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from kedro.pipeline import Pipeline, node
from test_tracking import run
def die():
    os.kill(os.getpid(), {int(how)})
    time.sleep(60)
run(Path({str(project)!r}), Pipeline([node(die, None, "metrics", name="die")]))
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=-1, stderr=-1, text=True)


def test_a_run_that_is_alive_is_left_alone(project: Path) -> None:
    store = open_store(project)
    made = store.api.create_run(store.experiment("clinic"), tags={"process": _text_of(Process.current())})
    elsewhere = store.api.create_run(store.experiment("clinic"), tags={"process": "another-boot/1/0/1"})
    run(project, JOIN)
    assert store.api.get_run(made.info.run_id).info.status == "RUNNING"
    assert store.api.get_run(elsewhere.info.run_id).info.status == "RUNNING"
