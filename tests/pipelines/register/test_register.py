"""``register`` and ``score`` as a person sees them, after one ``kedro run`` of the whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.register.pipeline import create_pipeline
from pipelines.score.pipeline import create_pipeline as score_pipeline
from workbench.registry import models
from workbench.registry.store import open_store

pytestmark = pytest.mark.integration

Kedro = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _forget_the_store() -> Iterator[None]:
    yield
    import mlflow

    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


def verdict_of(project: Path) -> dict[str, object]:
    verdict: dict[str, object] = json.loads((project / "data/clinic/08_reporting/verdict.json").read_text())
    return verdict


def test_a_whole_run_ends_with_a_champion_that_scored(clinic_project: Path) -> None:
    verdict = verdict_of(clinic_project)
    assert (verdict["decision"], verdict["version"], verdict["champion_version"]) == ("promoted", 1, 1)
    champion = models.champion("clinic", clinic_project)
    assert (champion.version, champion.run_id, champion.sha256) == (1, verdict["run_id"], verdict["sha256"])
    predictions = pq.read_table(clinic_project / "data/clinic/07_model_output/predictions.parquet")
    assert predictions.num_rows == 569
    assert predictions.schema.metadata[b"workbench.run_id"].decode() == champion.run_id


def test_its_run_carries_the_proof(clinic_project: Path) -> None:
    store = open_store(clinic_project)
    (run,) = store.api.search_runs([store.experiment("clinic")])
    verdict = verdict_of(clinic_project)
    assert run.info.run_id == verdict["run_id"], "one run for all pipelines, and the model belongs to it"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["ensemble.roc_auc"] == pytest.approx(verdict["challenger"])
    assert {one.dataset.name for one in run.inputs.dataset_inputs} >= {"raw.samples", "primary", "features"}
    assert run.data.params["train.seed"]
    tags = store.api.get_model_version("clinic", "1").tags
    features = next(one.dataset for one in run.inputs.dataset_inputs if one.dataset.name == "features")
    assert json.loads(tags["datasets"])["features"] == json.loads(features.source)["sha256"]


@pytest.mark.slow
def test_registering_again_in_a_process_of_its_own_adopts_the_version(clinic_copy: Path, kedro: Kedro) -> None:
    before = verdict_of(clinic_copy)
    kedro(clinic_copy, "run", "--pipeline", "register", "--env", "clients/clinic")
    again = verdict_of(clinic_copy)
    assert (again["version"], again["adopted"], again["decision"]) == (1, True, "already champion")
    assert again["run_id"] == before["run_id"], "found by the digest of the candidate"


@pytest.mark.slow
def test_scoring_without_a_champion_says_what_to_type(clinic_copy: Path, kedro: Kedro) -> None:
    open_store(clinic_copy).api.delete_registered_model_alias("clinic", "champion")
    done = kedro(clinic_copy, "run", "--pipeline", "score", "--env", "clients/clinic", check=False)
    assert done.returncode == 1
    assert "client clinic has no champion" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_pipelines_imports_nothing_heavy() -> None:
    code = (
        "import sys, pipelines.register.pipeline, pipelines.score.pipeline;"
        "print(sorted({'torch','mlflow','pandas','pyarrow','ibis','sklearn','matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_pipeline_is_one_node_named_and_tagged() -> None:
    (node,) = create_pipeline().nodes
    assert (node.name, node.tags) == ("decide_and_register", {"register"})


def test_score_comes_after_register() -> None:
    both = [node.name for node in (score_pipeline() + create_pipeline()).nodes]
    assert both == ["decide_and_register", "score_rows"]
