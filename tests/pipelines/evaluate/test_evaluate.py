"""``evaluate``: scores, checks and tables of held-out predictions, without a NaN anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.validation import TypeExtractor

from pipelines.evaluate.nodes import evaluate_models, measure_importance
from pipelines.evaluate.parameters import EvaluateParameters
from pipelines.evaluate.pipeline import create_pipeline
from workbench.clients import Client, ClientRegistry
from workbench.engines import connection
from workbench.errors import ConfigurationError, DataError
from workbench.learning import Columns
from workbench.learning.metrics import METRICS, compute

ROOT = Path(__file__).parents[3]
CLIENT = ClientRegistry(ROOT).load("clinic")
PARAMETERS = EvaluateParameters(bootstrap=40)
PRIMARY = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
CLASSES = ["x", "y", "z"]


def client(task: str) -> Client:
    metric = CLIENT.metric.model_copy(update={"name": PRIMARY[task]})
    return CLIENT.model_copy(update={"task": task, "metric": metric})


def roles(task: str, *, segments: tuple[str, ...] = ("site",), protected: tuple[str, ...] = ("sex",)) -> dict[str, Any]:
    return {
        "task": task,
        "target": "malignant",
        "classes": CLASSES if task == "multiclass" else None,
        "key": ["id"],
        "time": None,
        "fold": "fold",
        "numeric": ["a"],
        "categorical": [],
        "segments": list(segments),
        "protected": list(protected),
    }


def holdout(task: str, rows: int = 600) -> pa.Table:
    """Predictions of a network that is honest, of a boosting that is a little worse, and of a constant."""
    random = np.random.default_rng(0)
    extra = {
        "id": np.arange(rows),
        "site": random.choice(["left", "right", "rare"], rows, p=[0.5, 0.48, 0.02]),
        "sex": random.choice(["f", "m"], rows),
    }
    if task == "binary":
        network = random.beta(1, 1, rows)
        label: Any = (random.random(rows) < network).astype(np.int8)
        boosting, majority = np.clip(network + random.normal(size=rows) * 0.2, 0.01, 0.99), np.full(rows, label.mean())
    elif task == "multiclass":
        odds = random.dirichlet(np.ones(3) * 0.5, rows)
        label = np.array([random.choice(CLASSES, p=row) for row in odds])
        lists = (odds, (odds + 0.2) / 1.6, np.full((rows, 3), 1 / 3))
        network, boosting, majority = (pa.FixedSizeListArray.from_arrays(pa.array(item.ravel()), 3) for item in lists)
    else:
        network = random.normal(size=rows) * 10
        label = network + random.normal(size=rows)
        boosting, majority = network + 0.5, np.zeros(rows)
    return pa.table({**extra, "label": label, "network": network, "boosting": boosting, "majority": majority})


def changed(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def evaluate(task: str, table: pa.Table, folder: Path, **named: Any) -> tuple[dict, dict, pa.Table, pa.Table]:
    """Through Parquet, as the catalog does it; and what comes back must be JSON."""
    pq.write_table(table, folder / "holdout.parquet")
    lazy = connection().read_parquet(folder / "holdout.parquet")
    known, parameters = named.get("roles", roles(task)), named.get("parameters", PARAMETERS)
    model = SimpleNamespace(kind=named.get("kind", "network"), predict=named.get("predict"))
    who = client(task).model_copy(update={"monotone": named.get("monotone", {})})
    found = evaluate_models(who, model, named.get("features"), lazy, known, parameters)
    for record in found[:2]:
        assert json.loads(json.dumps(record, allow_nan=False)) == record
    return found


@pytest.mark.parametrize("task", PRIMARY)
def test_an_honest_network_passes_every_check(task: str, tmp_path: Path) -> None:
    table = holdout(task)
    evaluation, metrics, calibration, segments = evaluate(task, table, tmp_path)
    assert evaluation["task"] == task
    assert evaluation["primary"] == PRIMARY[task]
    assert evaluation["rows"] == 600
    assert set(evaluation["checks"].values()) == {True}, evaluation["check_reasons"]
    assert list(evaluation["models"]) == ["network", "boosting", "majority"]
    for model, scores in evaluation["models"].items():
        assert tuple(scores) == METRICS[task]
        prediction = np.array(table[model].to_pylist())
        expected = compute(task, table["label"].to_numpy(), prediction, classes=CLASSES)
        for name, score in scores.items():
            assert score["low"] <= score["value"] <= score["high"]
            assert score["value"] == pytest.approx(expected[name], abs=1e-12)
            assert metrics[f"{model}.{name}"] == score["value"]
    assert calibration.column_names == ["predicted", "observed", "rows"]
    assert sum(calibration["rows"].to_pylist()) == 600
    assert segments.column_names == ["column", "protected", "value", "rows", "mean", *METRICS[task], "reason"]
    by_value = {row["value"]: row for row in segments.to_pylist()}
    assert by_value.keys() == {"left", "right", "rare", "f", "m"}
    assert by_value["rare"][PRIMARY[task]] is None
    assert by_value["rare"]["reason"] == "fewer than 50 rows"
    assert [row["protected"] for row in segments.to_pylist()] == [False] * 3 + [True] * 2


def test_what_the_labels_are_like_is_told(tmp_path: Path) -> None:
    binary = holdout("binary")
    assert evaluate("binary", binary, tmp_path)[0]["positive_rate"] == np.mean(binary["label"].to_pylist())
    rates = evaluate("multiclass", holdout("multiclass"), tmp_path)[0]["class_rates"]
    assert list(rates) == CLASSES
    assert sum(rates.values()) == pytest.approx(1)
    assert evaluate("regression", holdout("regression"), tmp_path)[0]["target_std"] > 5


@pytest.mark.parametrize("task", PRIMARY)
def test_models_are_compared_on_the_same_resamples(task: str, tmp_path: Path) -> None:
    evaluation = evaluate(task, holdout(task), tmp_path)[0]
    scores, differences = evaluation["models"], evaluation["differences"]
    assert list(differences) == ["boosting", "majority"]
    for model, found in differences.items():
        assert tuple(found) == METRICS[task]
        for name, item in found.items():
            assert item["low"] <= item["value"] <= item["high"]
            assert item["value"] == pytest.approx(scores[model][name]["value"] - scores["network"][name]["value"])
    # The same rows are hard for both: the difference is known better than either score.
    first, own = differences["boosting"][PRIMARY[task]], scores["network"][PRIMARY[task]]
    assert first["high"] - first["low"] < own["high"] - own["low"]


def test_the_candidate_is_whoever_was_chosen(tmp_path: Path) -> None:
    """Its checks, its calibration, its groups; and the others are held against it."""
    table = holdout("binary")
    evaluation, _, calibration, segments = evaluate("binary", table, tmp_path, kind="boosting")
    assert evaluation["candidate"] == "boosting"
    assert list(evaluation["models"]) == ["boosting", "network", "majority"]
    assert list(evaluation["differences"]) == ["network", "majority"]
    assert evaluation["differences"]["network"]["roc_auc"]["low"] > 0
    mine = holdout("binary").drop_columns("network").rename_columns({"boosting": "network"})
    alone, _, bins, groups = evaluate("binary", mine, tmp_path)
    assert list(alone["models"]) == ["network", "majority"]
    assert (calibration, segments, evaluation["checks"]) == (bins, groups, alone["checks"])


def failed(evaluation: dict[str, Any]) -> set[str]:
    return {name for name, passed in evaluation["checks"].items() if not passed}


def test_a_network_that_knows_nothing_does_not_beat_the_majority(tmp_path: Path) -> None:
    table = holdout("binary")
    guesses = np.random.default_rng(1).beta(9, 9, 600)
    evaluation = evaluate("binary", changed(table, "network", guesses), tmp_path, roles=roles("binary", protected=()))[
        0
    ]
    assert "beats_majority" in failed(evaluation)
    assert "the majority's is 0.5" in evaluation["check_reasons"]["beats_majority"]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_network_that_exaggerates_is_not_calibrated(task: str, tmp_path: Path) -> None:
    table = holdout(task)
    said = table["network"].to_numpy()
    wrong = said**0.3 if task == "binary" else said + 4
    assert failed(evaluate(task, changed(table, "network", wrong), tmp_path)[0]) == {"calibrated"}


def test_few_rows_are_too_few_but_chance_is_no_miscalibration(tmp_path: Path) -> None:
    evaluation = evaluate("binary", holdout("binary", 40), tmp_path)[0]
    assert failed(evaluation) == {"enough_test_rows"}
    assert evaluation["expected_calibration_error"] > PARAMETERS.calibration_limit
    assert "chance alone" in evaluation["check_reasons"]["calibrated"]


def test_a_network_that_fails_a_protected_group_is_caught(tmp_path: Path) -> None:
    table = holdout("binary")
    women = np.array(table["sex"].to_pylist()) == "f"
    said = table["network"].to_numpy()
    wrong = changed(table, "network", np.where(women, 1 - said, said))
    evaluation = evaluate("binary", wrong, tmp_path)[0]
    assert "protected_groups_served" in failed(evaluation)
    assert "roc_auc is worse than the majority's in sex f" in evaluation["check_reasons"]["protected_groups_served"]
    # A segment is looked at, not guarded.
    looked_at = evaluate("binary", wrong, tmp_path, roles=roles("binary", segments=("sex",), protected=()))[0]
    assert "protected_groups_served" not in failed(looked_at)


def test_held_out_rows_of_one_class_give_nulls_and_fail(tmp_path: Path) -> None:
    table = changed(holdout("binary"), "label", np.ones(600, np.int8))
    evaluation, metrics, _, segments = evaluate("binary", table, tmp_path)
    assert evaluation["models"]["network"]["roc_auc"] == {"value": None, "low": None, "high": None}
    assert "network.roc_auc" not in metrics
    assert "network.brier" in metrics
    assert "beats_majority" in failed(evaluation)
    assert segments["roc_auc"].null_count == segments.num_rows
    assert set(segments["reason"].to_pylist()) == {"one class only", "fewer than 50 rows"}


def test_without_groups_the_table_of_groups_is_empty_but_has_its_columns(tmp_path: Path) -> None:
    evaluation, _, _, segments = evaluate(
        "binary", holdout("binary"), tmp_path, roles=roles("binary", segments=(), protected=())
    )
    assert segments.num_rows == 0
    assert "roc_auc" in segments.column_names
    assert evaluation["check_reasons"]["protected_groups_served"] == "no column is named as protected"


def test_the_same_rows_give_the_same_evaluation(tmp_path: Path) -> None:
    assert evaluate("multiclass", holdout("multiclass"), tmp_path) == evaluate(
        "multiclass", holdout("multiclass"), tmp_path
    )


def test_predictions_that_lack_something_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'network' is missing"):
        evaluate("binary", holdout("binary").drop_columns("network"), tmp_path)
    with pytest.raises(DataError, match="there is no row"):
        evaluate("binary", holdout("binary").slice(0, 0), tmp_path)


def test_a_prediction_must_move_with_a_column_if_the_client_says_so(tmp_path: Path) -> None:
    table = pa.table({"id": range(300), "fold": ["train", "test", "test"] * 100, "malignant": [0, 1, 0] * 100,
                      "a": np.linspace(0, 1, 300)})  # fmt: skip
    pq.write_table(table, tmp_path / "features.parquet")
    given = {
        "features": connection().read_parquet(tmp_path / "features.parquet"),
        "predict": lambda t: t["a"].to_numpy(),
    }
    passed = evaluate("binary", holdout("binary"), tmp_path, **given, monotone={"a": "increasing"})[0]
    assert passed["checks"]["monotone"]
    assert passed["monotone"] == [{"column": "a", "direction": "increasing", "share": 0.0, "worst": 0.0, "steps": 2000}]
    against = evaluate("binary", holdout("binary"), tmp_path, **given, monotone={"a": "decreasing"})[0]
    assert failed(against) == {"monotone"}
    assert "moves the other way along a (1 of the steps" in against["check_reasons"]["monotone"]
    assert "monotone" not in evaluate("binary", holdout("binary"), tmp_path)[0]["checks"]
    with pytest.raises(ConfigurationError, match="`monotone` names 'size', which is no number .*did you mean 'sizes'"):
        known = roles("binary") | {"numeric": ["a", "sizes"]}
        evaluate("binary", holdout("binary"), tmp_path, **given, monotone={"size": "increasing"}, roles=known)


class Network:
    """Predicts its first column."""

    columns = Columns("binary", "malignant", ("a", "b"), ())

    def predict(self, table: pa.Table) -> np.ndarray:
        return table["a"].to_numpy()


def test_importance_is_measured_on_test_rows_only(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a = random.random(900)
    fold = np.array(["train", "validation", "test"])[np.arange(900) % 3]
    label = np.where(fold == "test", random.random(900) < a, random.random(900) < 0.5).astype(np.int8)
    table = pa.table({"id": range(900), "fold": fold, "malignant": label, "a": a, "b": random.random(900)})
    pq.write_table(table, tmp_path / "features.parquet")
    known = {**roles("binary"), "numeric": ["a", "b"]}
    found = measure_importance(
        client("binary"), Network(), connection().read_parquet(tmp_path / "features.parquet"), known, PARAMETERS
    )
    assert found.column_names == ["feature", "importance", "std"]
    first, second = found.to_pylist()
    assert (first["feature"], second) == ("a", {"feature": "b", "importance": 0.0, "std": 0.0})
    assert first["importance"] > 0.2


def test_kedro_finds_the_parameters_model() -> None:
    found = TypeExtractor({"evaluate": create_pipeline()}).extract_types_from_pipelines()
    assert found == {"evaluate": EvaluateParameters}


def test_the_defaults_are_those_of_the_configuration() -> None:
    written = yaml.safe_load((ROOT / "conf/base/parameters.yml").read_text())["evaluate"]
    assert EvaluateParameters().model_dump() == written
