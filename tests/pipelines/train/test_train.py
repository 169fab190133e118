"""``train``: what reaches the network, what comes out, and that test rows stay out of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from kedro.validation import TypeExtractor

from pipelines.train import folds
from pipelines.train.folds import read_fold
from pipelines.train.nodes import fit_candidates, predict_holdout
from pipelines.train.parameters import TrainParameters
from pipelines.train.pipeline import create_pipeline
from workbench.clients import Client, ClientRegistry
from workbench.datasets import ParquetTable
from workbench.engines import connection, file_of, read_file
from workbench.errors import DataError, ModelError
from workbench.learning import EpochReport
from workbench.learning.streaming import room
from workbench.registry import runs

ROOT = Path(__file__).parents[3]
CLIENT = ClientRegistry(ROOT).load("clinic")
ALL = TrainParameters(epochs=3, learning_rate=0.01, checkpoints=None)
QUICK = ALL.model_copy(update={"candidates": ("tabm",)})
ROWS = 500


class Listener:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.reports: list[EpochReport] = []
        self.trials: list[Any] = []
        self.closed = 0

    def __call__(self, report: EpochReport) -> None:
        self.reports.append(report)

    def trial(self, report: Any) -> None:
        self.trials.append(report)

    def close(self) -> None:
        self.closed += 1


def make(task: str, *, shuffled_test: bool = False) -> tuple[pa.Table, dict[str, Any]]:
    """Features in no order, with a column that no model may see."""
    random = np.random.default_rng(0)
    order = random.permutation(ROWS)
    fold = np.array(["train", "train", "train", "validation", "test"])[np.arange(ROWS) % 5]
    x, kind = random.normal(size=ROWS), random.choice(["a", "b"], ROWS)
    signal = x + (kind == "a")
    if shuffled_test:
        test = np.flatnonzero(fold == "test")
        x[test], kind[test], signal[test] = 1e9, "never seen", -signal[test]
    target = {
        "binary": (signal > 0.5).astype(np.int8),
        "multiclass": np.array(["low", "middle", "high"])[np.digitize(signal, [0, 1])],
        "regression": signal,
    }[task]
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "fold": fold,
            "y": target,
            "region": kind,
            "age": x,
            "x": x,
            "kind": kind,
            "leak": target,
        }
    )
    roles = {
        "task": task,
        "target": "y",
        "classes": ["high", "low", "middle"] if task == "multiclass" else None,
        "key": ["id"],
        "time": None,
        "fold": "fold",
        "numeric": ["x"],
        "categorical": ["kind"],
        "segments": ["kind", "region"],
        "protected": ["region", "age"],
    }
    return table.take(order), roles


def lazily(table: pa.Table, folder: Path) -> Any:
    pq.write_table(table, folder / "features.parquet")
    return connection().read_parquet(folder / "features.parquet")


def with_budget(seconds: float) -> Client:
    return CLIENT.model_copy(update={"budgets": CLIENT.budgets.model_copy(update={"train_seconds": seconds})})


def client(task: str) -> Client:
    metric = CLIENT.metric.model_copy(
        update={"name": {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]}
    )
    return CLIENT.model_copy(update={"task": task, "metric": metric})


@pytest.mark.parametrize(("task", "shape"), [("binary", (100,)), ("multiclass", (100, 3)), ("regression", (100,))])
def test_the_nodes_give_a_model_its_history_and_held_out_predictions(
    task: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    table, roles = make(task)
    features, listener = lazily(table, tmp_path), Listener()
    model, history, candidates, tuning, contenders = fit_candidates(client(task), features, roles, listener, ALL)
    assert tuning.num_rows == 0
    assert listener.reports == contenders["network"].history
    assert [row["model"] for row in candidates.to_pylist()][:3] == ["network", "boosting", "linear"]
    assert [row["model"] for row in candidates.to_pylist() if row["chosen"]] == [model.kind]
    assert sum(row["weight"] for row in candidates.to_pylist()[:3]) in (pytest.approx(1), 0)
    assert listener.closed == 1
    metric = [model.history[0].metric] if model.history[0].value is not None else []
    assert history.column_names == ["epoch", "train_loss", "validation_loss", *metric, "best", "seconds"]
    assert history["epoch"].to_pylist() == [report.epoch for report in model.history]

    holdout = predict_holdout(contenders, features, roles, ALL)
    models = [row["model"] for row in candidates.to_pylist()] + ["majority"]
    assert holdout.column_names == ["id", "kind", "region", "age", "label", *models]
    assert holdout["id"].to_pylist() == list(range(4, ROWS, 5))
    test = table.sort_by("id").filter(pa.compute.equal(table.sort_by("id")["fold"], "test"))
    assert holdout["label"].to_pylist() == test["y"].to_pylist()
    assert holdout["label"].type == table["y"].type
    for name in models:
        assert np.array(holdout[name].to_pylist()).shape == shape
    np.testing.assert_allclose(np.array(holdout[model.kind].to_pylist()), model.predict(test))
    pq.write_table(holdout, tmp_path / "holdout.parquet")
    assert connection().read_parquet(tmp_path / "holdout.parquet").to_pyarrow()["network"].to_pylist() == (
        holdout["network"].to_pylist()
    )


def test_a_table_that_memory_does_not_hold_is_streamed_from_its_file_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A megabyte for a table of two: no fold is ever loaded, and each model says how many rows it learned from."""
    caplog.set_level("INFO")
    table, roles = make("binary")
    wide = {f"n{at}": np.random.default_rng(at).normal(size=12_000) for at in range(6)}
    many = pa.concat_tables([table] * 24).set_column(0, "id", pa.array(np.arange(12_000)))
    many = pa.table({**{name: many[name] for name in many.column_names}, **wide})
    roles |= {"numeric": ["x", *wide]}
    pq.write_table(many, tmp_path / "features.parquet", row_group_size=500)
    features = read_file(tmp_path / "features.parquet")
    limited = ALL.model_copy(update={"epochs": 1, "memory_mb": 1, "ensemble": False})
    known: list[dict[str, float]] = []
    monkeypatch.setattr(runs, "current", lambda: SimpleNamespace(log_metrics=lambda values, step: known.append(values)))
    monkeypatch.setattr(folds, "read_fold", lambda *_: pytest.fail("a fold was loaded"))
    model, _, candidates, _, contenders = fit_candidates(client("binary"), features, roles, Listener(), limited)
    parts = ("learned_rows", "training_rows", "judged_rows", "validation_rows")
    rows = {row["model"]: tuple(row[part] for part in parts) for row in candidates.to_pylist()}
    assert rows["network"] == (7200, 7200, 2400, 2400)
    assert 100 < rows["linear"][0] < rows["linear"][1] == 7200
    assert 100 < rows["linear"][2] < rows["linear"][3] == 2400
    assert rows["boosting"] == rows["linear"]
    assert known == [
        {f"learned_rows.{kind}": float(row[0]) for kind, row in rows.items()}
        | {f"judged_rows.{kind}": float(row[2]) for kind, row in rows.items()}
        | {"training_rows": 7200.0, "validation_rows": 2400.0}
    ]
    assert "the table is streamed" in caplog.text
    assert f"on {rows['linear'][0]:,} of 7,200 rows" in caplog.text
    assert model.predict(many.slice(0, 5)).shape == (5,)

    monkeypatch.setattr(room, "fits", lambda *_: False)
    few = folds.few_rows(features, roles, "test", 100, 0)
    assert (few.num_rows, few.column_names) == (100, folds.feature_columns(roles))
    holdout = predict_holdout(contenders, features, roles, limited)
    test = many.filter(pa.compute.equal(many["fold"], "test"))
    assert holdout["id"].to_pylist() == test["id"].to_pylist()
    assert holdout["label"].to_pylist() == test["y"].to_pylist()
    np.testing.assert_allclose(np.array(holdout["network"]), contenders["network"].predict(test), atol=1e-6)


def test_a_table_that_fits_is_loaded_as_ever(tmp_path: Path) -> None:
    table, roles = make("binary")
    pq.write_table(table, tmp_path / "features.parquet")
    features = ParquetTable(filepath=str(tmp_path / "features.parquet")).load()
    names = folds.feature_columns(roles)
    (train,) = folds.rows_of_folds(features, roles, ("train",), names)
    assert train.equals(read_fold(features, roles, "train", names))
    assert file_of(features) == tmp_path / "features.parquet"
    assert file_of(features.filter(features["id"] > 0)) is None, "a file would hand over all rows"
    (again,) = folds.rows_of_folds(features.filter(features["id"] > 0), roles, ("train",), names)
    assert isinstance(again, pa.Table)


def test_other_test_rows_change_no_model(tmp_path: Path) -> None:
    (one, roles), (other, _) = make("binary"), make("binary", shuffled_test=True)
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    models = [
        fit_candidates(CLIENT, lazily(table, folder), roles, Listener(), ALL)[4]
        for table, folder in zip((one, other), folders, strict=True)
    ]
    probe = one.slice(0, 50)
    for name in models[0]:
        assert np.array_equal(models[0][name].predict(probe), models[1][name].predict(probe))
    holdouts = [
        predict_holdout(models[0], lazily(table, folder), roles, ALL)
        for table, folder in zip((one, other), folders, strict=True)
    ]
    assert holdouts[0]["majority"] == holdouts[1]["majority"]
    # The strange test rows all look the same to boosting; the usual ones do not.
    assert len(set(holdouts[1]["boosting"].to_pylist())) == 1 < len(set(holdouts[0]["boosting"].to_pylist()))


def test_the_features_may_come_in_any_order(tmp_path: Path) -> None:
    table, roles = make("binary")
    for name, rows in {"a": table, "b": table.sort_by([("id", "descending")])}.items():
        (tmp_path / name).mkdir()
        model = fit_candidates(CLIENT, lazily(rows, tmp_path / name), roles, Listener(), ALL)[0]
        model.save(tmp_path / name / "model")
    first, second = ((tmp_path / name / "model" / "manifest.json").read_bytes() for name in "ab")
    assert first == second


def test_the_client_s_budget_is_kept_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table, roles = make("binary")
    model, history, *_ = fit_candidates(with_budget(1e-9), lazily(table, tmp_path), roles, Listener(), QUICK)
    assert history.num_rows == 1
    assert model.history[-1].stopped == "budget"
    assert "budgets.train_seconds" in caplog.text


def test_the_listener_is_closed_also_after_an_error(tmp_path: Path) -> None:
    table, roles = make("regression")
    listener = Listener()
    with pytest.raises(ModelError, match="loss became"):
        fit_candidates(
            CLIENT,
            lazily(table, tmp_path),
            roles,
            listener,
            TrainParameters.model_construct(learning_rate=1e30, checkpoints=None, candidates=("tabm",)),
        )
    assert listener.closed == 1


def test_a_run_after_a_crash_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table, roles = make("binary")
    features = lazily(table, tmp_path)
    keeping = QUICK.model_copy(update={"checkpoints": "models"})

    class Crash(Listener):
        def __call__(self, report: EpochReport) -> None:
            if report.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_candidates(CLIENT, features, roles, Crash(), keeping)
    assert (tmp_path / "models" / "clinic" / "training" / "checkpoint").is_dir()
    again = Listener()
    model, history, *_ = fit_candidates(CLIENT, features, roles, again, keeping)
    assert [report.epoch for report in again.reports] == [3]
    assert history["epoch"].to_pylist() == [1, 2, 3]
    assert not (tmp_path / "models" / "clinic" / "training").exists()
    whole = fit_candidates(CLIENT, features, roles, Listener(), QUICK)[0]
    assert np.array_equal(model.predict(table), whole.predict(table))


@pytest.mark.parametrize("name", ["boosting", "linear"])
def test_a_single_candidate_of_another_kind_goes_on_alone(name: str, tmp_path: Path) -> None:
    table, roles = make("binary")
    alone = ALL.model_copy(update={"candidates": (name,)})
    model, history, candidates, _, contenders = fit_candidates(
        CLIENT, lazily(table, tmp_path), roles, Listener(), alone
    )
    assert (model.kind, list(contenders)) == (name, [name, "majority"])
    assert candidates["chosen"].to_pylist() == [True]
    assert history.num_rows == len(model.history) > 0


def test_a_search_finds_the_network_s_settings(tmp_path: Path) -> None:
    table, roles = make("binary")
    listener, tuned = Listener(), QUICK.model_copy(update={"tune": 3})
    model, _, _, tuning, _ = fit_candidates(CLIENT, lazily(table, tmp_path), roles, listener, tuned)
    assert [report.number for report in listener.trials] == tuning["trial"].to_pylist() == [0, 1, 2]
    (best,) = (row for row in tuning.to_pylist() if row["best"])
    assert (model.config.learning_rate, model.spec.width) == (best["learning_rate"], best["width"])
    assert min(report.validation_loss for report in model.history) == best["validation_loss"]
    assert listener.reports == model.history, "the epochs of trials are not those of the training"


def test_the_budget_of_the_parameters_wins_over_the_client_s(tmp_path: Path) -> None:
    table, roles = make("binary")
    short = QUICK.model_copy(update={"budget_seconds": 1e-9})
    model = fit_candidates(CLIENT, lazily(table, tmp_path), roles, Listener(), short)[0]
    assert model.history[-1].stopped == "budget"


@pytest.mark.parametrize(
    ("names", "said"),
    [(["tabn"], "did you mean 'tabm'"), (["Boost"], "did you mean 'boosting'"), ([], "no candidate"), (["tabm"] * 2, "named twice")],
)  # fmt: skip
def test_candidates_that_are_none_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainParameters(candidates=names)


@pytest.mark.parametrize("folder", ["/tmp", "../elsewhere", "models/../..", ""])
def test_checkpoints_stay_in_the_project(folder: str) -> None:
    with pytest.raises(ValueError, match="checkpoints"):
        TrainParameters(checkpoints=folder)


def test_a_fold_without_rows_and_a_column_that_is_not_there_are_said(tmp_path: Path) -> None:
    table, roles = make("binary")
    features = lazily(table.filter(pa.compute.not_equal(table["fold"], "validation")), tmp_path)
    with pytest.raises(DataError, match="fold 'validation' has no row"):
        fit_candidates(CLIENT, features, roles, Listener(), QUICK)
    with pytest.raises(DataError, match="column 'gone' is named in features.json but is not there"):
        read_fold(features, roles, "train", ["x", "gone"])


def test_a_column_with_the_name_of_a_prediction_is_refused(tmp_path: Path) -> None:
    table, roles = make("binary")
    features = lazily(table.rename_columns({"region": "network"}), tmp_path)
    roles = {**roles, "segments": ["network"], "protected": []}
    with pytest.raises(DataError, match="column 'network' has the name of a prediction"):
        predict_holdout({}, features, roles, ALL)


def test_kedro_finds_the_parameters_model() -> None:
    found = TypeExtractor({"train": create_pipeline()}).extract_types_from_pipelines()
    assert found == {"train": TrainParameters}


def test_the_defaults_are_those_of_the_configuration() -> None:
    written = yaml.safe_load((ROOT / "conf/base/parameters.yml").read_text())["train"]
    assert TrainParameters().model_dump(mode="json") == written
