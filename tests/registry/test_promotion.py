"""A candidate's way: judged on the same rows as the champion, registered once, its verdict readable everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench.clients import Client
from workbench.errors import ModelError
from workbench.files import sha256_of_file
from workbench.registry import flavor, models, runs
from workbench.registry.evidence import Evidence
from workbench.registry.holdout import Features
from workbench.registry.predictions import prediction_columns
from workbench.registry.promotion import promote
from workbench.registry.store import Store

MakeEvidence = Callable[..., Evidence]


def aliases(store: Store) -> dict[str, int]:
    found = store.api.get_registered_model("clinic").aliases
    return {name: int(version) for name, version in found.items()}


@pytest.fixture
def first(
    store: Store, client: Client, weak_network: Any, features: Features, evidence: MakeEvidence
) -> dict[str, Any]:
    """The verdict about a weak first model, which became the champion."""
    return promote(store, client, weak_network, features, evidence(features, weak_network))


def test_the_first_model_becomes_champion(store: Store, first: dict[str, Any]) -> None:
    assert first["decision"] == "promoted"
    assert (first["version"], first["champion_version"], first["champion"]) == (1, 1, None)
    assert "there is no champion yet" in first["reasons"]
    assert aliases(store) == {"challenger": 1, "champion": 1}
    assert json.loads(json.dumps(first, allow_nan=False)) == first


def test_a_better_one_takes_its_place_and_the_way_back_is_kept(
    store: Store, first: dict[str, Any], client: Client, network: Any, features: Features, evidence: MakeEvidence
) -> None:
    verdict = promote(store, client, network, features, evidence(features, network))
    assert (verdict["decision"], verdict["version"], verdict["champion_version"]) == ("promoted", 2, 2)
    assert verdict["champion"]["version"] == 1
    assert verdict["challenger"] > verdict["champion"]["value"] == pytest.approx(first["challenger"])
    assert aliases(store) == {"challenger": 2, "champion": 2, "previous_champion": 1}
    tags = store.api.get_model_version("clinic", "2").tags
    assert tags["decision"] == "promoted"
    assert tags["reasons"] == "; ".join(verdict["reasons"])
    assert json.loads(tags["metrics"])["majority.roc_auc"] == 0.5
    assert float(tags["holdout.roc_auc"]) == verdict["challenger"]


def test_a_worse_one_is_registered_but_the_champion_stays(
    store: Store, client: Client, network: Any, weak_network: Any, features: Features, evidence: MakeEvidence
) -> None:
    promote(store, client, network, features, evidence(features, network))
    verdict = promote(store, client, weak_network, features, evidence(features, weak_network))
    assert (verdict["decision"], verdict["version"], verdict["champion_version"]) == ("kept", 2, 1)
    assert aliases(store) == {"challenger": 2, "champion": 1}
    assert store.api.get_model_version("clinic", "2").tags["decision"] == "kept"


def test_a_failed_check_keeps_the_champion(
    store: Store, first: dict[str, Any], client: Client, network: Any, features: Features, evidence: MakeEvidence
) -> None:
    verdict = promote(store, client, network, features, evidence(features, network, calibrated=False))
    assert (verdict["decision"], verdict["failed_checks"]) == ("kept", ["calibrated"])
    assert aliases(store)["champion"] == 1


def test_registering_twice_changes_nothing(
    store: Store, first: dict[str, Any], client: Client, weak_network: Any, features: Features, evidence: MakeEvidence
) -> None:
    before = store.api.get_model_version("clinic", "1")
    again = promote(store, client, weak_network, features, evidence(features, weak_network))
    assert (again["version"], again["adopted"], again["decision"]) == (1, True, "already champion")
    assert again["champion_version"] == 1
    assert aliases(store) == {"challenger": 1, "champion": 1}
    assert len(store.api.search_model_versions("name = 'clinic'")) == 1
    after = store.api.get_model_version("clinic", "1")
    assert (after.tags, after.description) == (before.tags, before.description), "why it was promoted stays written"


def test_killed_before_the_alias_moved_the_same_command_finishes(
    store: Store,
    client: Client,
    network: Any,
    features: Features,
    evidence: MakeEvidence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "set_alias", killed)
    with pytest.raises(KeyboardInterrupt):
        promote(store, client, network, features, evidence(features, network))
    monkeypatch.undo()
    verdict = promote(store, client, network, features, evidence(features, network))
    assert (verdict["decision"], verdict["version"], verdict["adopted"]) == ("promoted", 1, True)
    assert aliases(store) == {"challenger": 1, "champion": 1}


def test_a_champion_that_lacks_a_column_is_not_compared(
    store: Store, first: dict[str, Any], client: Client, evidence: MakeEvidence, retrain: Any, tmp_path: Path
) -> None:
    features, model = retrain(tmp_path, without="texture")
    verdict = promote(store, client, model, features, evidence(features, model))
    assert verdict["decision"] == "promoted"
    assert verdict["champion"] == {
        "version": 1,
        "value": None,
        "problem": "the features have no texture",
        "is_challenger": False,
    }
    assert "champion version 1 cannot be compared: the features have no texture" in verdict["reasons"]


@pytest.mark.parametrize(("task", "metric"), [("multiclass", "accuracy"), ("regression", "rmse")])
def test_every_task_has_its_way_to_champion_and_through_mlflow(
    store: Store, client: Client, evidence: MakeEvidence, retrain: Any, tmp_path: Path, task: str, metric: str
) -> None:
    import mlflow

    other = client.model_copy(update={"task": task, "metric": client.metric.model_copy(update={"name": metric})})
    features, model = retrain(tmp_path, task=task)
    verdict = promote(store, other, model, features, evidence(features, model))
    assert (verdict["decision"], verdict["metric"]) == ("promoted", metric)
    rows = features.table.limit(20).to_pyarrow()
    champion = models.champion("clinic", store.project).model
    expected = prediction_columns(champion.columns, champion.predict(rows))
    loaded = mlflow.pyfunc.load_model(store.api.get_model_version_download_uri("clinic", "1"))
    answer = loaded.predict(rows.select(champion.columns.features).to_pandas())
    assert answer.to_dict("list") == {name: column.to_pylist() for name, column in expected.items()}


def test_a_broken_champion_does_not_bar_the_way(
    store: Store, first: dict[str, Any], client: Client, network: Any, features: Features, evidence: MakeEvidence
) -> None:
    artifact = Path(store.api.get_model_version_download_uri("clinic", "1"))
    (artifact / "data/model/model.safetensors").write_bytes(b"")
    verdict = promote(store, client, network, features, evidence(features, network))
    assert verdict["decision"] == "promoted"
    assert "sha256 differs" in verdict["champion"]["problem"]


def test_an_evaluation_of_another_model_is_refused_before_anything_is_registered(
    store: Store, client: Client, network: Any, weak_network: Any, features: Features, evidence: MakeEvidence
) -> None:
    with pytest.raises(ModelError, match="the evaluation is about another model"):
        promote(store, client, network, features, evidence(features, weak_network))
    assert store.api.search_model_versions("name = 'clinic'") == []


def test_a_candidate_that_does_not_fit_the_features_is_refused(
    store: Store, client: Client, network: Any, features: Features, evidence: MakeEvidence, retrain: Any, tmp_path: Path
) -> None:
    fewer, _ = retrain(tmp_path, without="site")
    with pytest.raises(ModelError, match=r"does not fit the features: the features have no site.*--pipeline train"):
        promote(store, client, network, fewer, evidence(features, network))


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        ({"task": "regression"}, "its task is binary, not regression"),
        ({"target": "benign"}, "it predicts 'malignant', not 'benign'"),
        ({"task": "multiclass", "classes": ["a", "b"]}, "its task is binary, not multiclass"),
    ],
)
def test_what_else_makes_two_models_incomparable(
    features: Features, network: Any, roles: dict[str, Any], problem: str
) -> None:
    other = replace(features, roles=features.roles | roles)
    assert other.cannot_be_predicted_by(network.columns) == problem
    assert features.cannot_be_predicted_by(network.columns) == ""


def test_it_all_goes_to_the_run_that_trained_the_candidate(
    store: Store, client: Client, network: Any, features: Features, evidence: MakeEvidence, tmp_path: Path
) -> None:
    experiment = store.experiment("clinic")
    with flavor.saved(network) as saved:
        trained = store.api.create_run(experiment, tags={runs.sha256_tag("candidate"): saved.sha256}).info
    store.api.create_run(experiment, tags={runs.sha256_tag("candidate"): "0" * 64})
    table = tmp_path / "features.parquet"
    features.table.to_parquet(table)
    training = runs.Run(store, trained.run_id, 0)
    training.note_inputs({"features": table}, "fit_network")
    training.write_notes()
    verdict = promote(store, client, network, features, evidence(features, network))
    assert verdict["run_id"] == trained.run_id
    run = store.api.get_run(trained.run_id)
    assert run.data.metrics["network.roc_auc"] == verdict["challenger"]
    files = {Path(file.path).name for file in store.api.list_artifacts(trained.run_id, "evaluation")}
    assert files == {
        "evaluation.json",
        "calibration.csv",
        "segments.csv",
        "importance.csv",
        "calibration.svg",
        "importance.svg",
    }
    assert json.loads(store.api.get_model_version("clinic", "1").tags["datasets"])["features"] == sha256_of_file(table)
    promote(store, client, network, features, evidence(features, network))
    assert len(store.api.get_metric_history(trained.run_id, "network.roc_auc")) == 1, "not logged twice"


def test_without_a_training_run_one_is_made(
    store: Store, client: Client, network: Any, features: Features, evidence: MakeEvidence
) -> None:
    verdict = promote(store, client, network, features, evidence(features, network))
    run = store.api.get_run(verdict["run_id"])
    assert (run.info.run_name, run.info.status) == ("clinic register", "FINISHED")
