"""Every kind of model keeps the same promises: it learns, comes back as it was, and a spoiled one is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load, save

from workbench.errors import ModelError
from workbench.learning import Columns, TabularModel
from workbench.learning.boosting.fit import boosting
from workbench.learning.calibration import Conformal
from workbench.learning.encoding.target import labels
from workbench.learning.ensemble import EnsembleModel, greedy
from workbench.learning.linear import linear
from workbench.learning.metrics import compute

TASKS = ("binary", "multiclass", "regression")
KINDS = ("boosting", "linear", "ensemble")
WANTED = {"binary": ("roc_auc", 0.93, 0.75), "multiclass": ("accuracy", 0.78, 0.6), "regression": ("r2", 0.88, 0.4)}


@pytest.fixture(scope="session")
def trained(make_table: Callable, make_columns: Callable, models: Callable) -> Callable[[str, str], TabularModel]:
    """``trained(kind, task)``: the same for all tests. Do not change it."""
    made: dict[tuple[str, str], TabularModel] = {}

    def get(kind: str, task: str) -> TabularModel:
        if (kind, task) not in made:
            train, validation, columns = make_table(task, 1500, 1), make_table(task, 400, 2), make_columns(task)
            if kind == "ensemble":
                members = {"network": models(task), "boosting": get("boosting", task)}
                model = EnsembleModel(columns, members, {"network": 0.25, "boosting": 0.75})
                model.calibrate(labels(validation, columns), model.uncalibrated(validation))
                made[kind, task] = model
            else:
                made[kind, task] = {"boosting": boosting, "linear": linear}[kind](train, validation, columns)
        return made[kind, task]

    return get


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_and_comes_back_as_it_was(
    kind: str, task: str, trained: Callable, make_table: Callable, tmp_path: Path
) -> None:
    model, rows = trained(kind, task), make_table(task, 1000, 3)
    metric, much, least = WANTED[task]
    said = model.predict(rows)
    assert compute(task, labels(rows, model.columns), said)[metric] > (least if kind == "linear" else much)
    model.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "manifest.json", "model.json", "model.safetensors",
    ]  # fmt: skip
    again = TabularModel.load(tmp_path / "model")
    assert type(again) is type(model)
    assert np.array_equal(again.predict(rows), said)
    assert (again.temperature, again.conformal) == (model.temperature, model.conformal)
    assert [report.to_dict() for report in again.history] == [report.to_dict() for report in model.history]
    again.save(tmp_path / "again")
    for path in (tmp_path / "model").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    empty = model.predict(rows.slice(0, 0))
    assert empty.shape == (0, *said.shape[1:])
    with pytest.raises(ModelError, match="column 'slope' is missing"):
        model.predict(rows.drop_columns("slope"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_regression_has_intervals_that_hold(kind: str, trained: Callable, make_table: Callable) -> None:
    rows = make_table("regression", 2000, 5)
    low, high = trained(kind, "regression").predict_interval(rows, 0.8)
    y = rows["y"].to_numpy()
    assert 0.75 < np.mean((low <= y) & (y <= high)) < 0.85


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file and make the manifest agree, as somebody would who knows how."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_bytes((json.dumps(manifest, indent=1) + "\n").encode())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_one_flipped_bit_is_refused(kind: str, name: str, trained: Callable, tmp_path: Path) -> None:
    trained(kind, "binary").save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2] ^= 4
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} was changed since the model was written"):
        TabularModel.load(tmp_path)


def spoiled(record: dict[str, Any], keys: tuple[str, ...], value: object) -> bytes:
    inner = record
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("kind", "keys", "value"),
    [
        ("boosting", ("start",), [0.0, 0.0]),
        ("boosting", ("start",), [1e999]),
        ("boosting", ("table", "numeric"), []),
        ("boosting", ("kind",), "linear"),
        ("linear", ("encoder", "numeric"), []),
        ("linear", ("kind",), "network"),
        ("ensemble", ("weights",), {"network": 0.9, "boosting": 0.9}),
        ("ensemble", ("weights",), {"network": 1.5, "boosting": -0.5}),
        ("ensemble", ("weights",), {"network": 1.0}),
        ("ensemble", ("members", "boosting", "kind"), "ensemble"),
        ("ensemble", ("members", "boosting", "columns", "target"), "another"),
        ("ensemble", ("members",), {}),
    ],
)
def test_a_record_that_does_not_fit_is_refused(
    kind: str, keys: tuple[str, ...], value: object, trained: Callable, tmp_path: Path
) -> None:
    trained(kind, "binary").save(tmp_path)
    record = json.loads((tmp_path / "model.json").read_bytes())
    rewrite(tmp_path, "model.json", spoiled(record, keys, value))
    with pytest.raises(ModelError):
        TabularModel.load(tmp_path)


@pytest.mark.parametrize("name", ["ensemble", "linear"])
def test_a_member_of_another_kind_than_its_name_says_is_refused(name: str, trained: Callable, tmp_path: Path) -> None:
    """Above all an ensemble of ensembles, which could go on for ever."""
    inner = trained("ensemble" if name == "ensemble" else "boosting", "binary")
    EnsembleModel(inner.columns, {name: inner}, {name: 1.0}).save(tmp_path)
    with pytest.raises(ModelError, match="is not what this version of the workbench writes"):
        TabularModel.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_that_do_not_fit_are_refused(kind: str, trained: Callable, tmp_path: Path) -> None:
    trained(kind, "binary").save(tmp_path)
    tensors = load((tmp_path / "model.safetensors").read_bytes())
    name = next(name for name, value in tensors.items() if value.is_floating_point())
    rewrite(tmp_path, "model.safetensors", save({**tensors, name: torch.full_like(tensors[name], torch.nan)}))
    with pytest.raises(ModelError, match="are not finite numbers"):
        TabularModel.load(tmp_path)
    for wrong in ({key: value for key, value in tensors.items() if key != name}, {**tensors, "more": torch.zeros(3)}):
        rewrite(tmp_path, "model.safetensors", save(wrong))
        with pytest.raises(ModelError, match="is not what this version of the workbench writes"):
            TabularModel.load(tmp_path)


def test_a_linear_model_s_weights_are_scikit_learn_s(make_table: Callable, make_columns: Callable) -> None:
    """Held against a fit on the same matrix, and against the sum written out."""
    from sklearn.linear_model import Ridge

    from workbench.learning import linear as module

    train, validation = make_table("regression", 400, 1), make_table("regression", 200, 2)
    model = linear(train, validation, make_columns("regression"))
    matrix = module._matrix(model.encoder, model.encoder.features(train))
    y = model.encoder.target.encode(labels(train, model.columns))
    strengths = {s: Ridge(alpha=1 / s).fit(matrix, y) for s in module.STRENGTHS}
    assert any(np.allclose(fitted.coef_, model.weights[:, 0], atol=1e-6) for fitted in strengths.values())
    expected = (matrix @ model.weights + model.intercept)[:, 0]
    target = model.encoder.target
    np.testing.assert_allclose(model.uncalibrated(train), expected * target.scale + target.mean)


@pytest.mark.parametrize("fit", [boosting, linear])
@pytest.mark.parametrize("seen", [("a", "c"), ("a", "b", "c")])
def test_a_class_that_training_rows_lack_is_as_good_as_impossible(fit: Callable, seen: tuple[str, ...]) -> None:
    columns = Columns("multiclass", "y", ("n",), (), ("a", "b", "c", "d"))
    train = pa.table({"n": np.arange(90.0), "y": np.array(seen)[np.arange(90) % len(seen)]})
    validation = pa.table({"n": [1.0, 2.0, 3.0], "y": ["a", "d", "c"]})
    found = fit(train, validation, columns).predict(validation)
    assert found[:, [at for at, name in enumerate(columns.classes) if name not in seen]].max() < 1e-6
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_an_ensemble_is_the_mean_of_what_its_members_say(trained: Callable, make_table: Callable) -> None:
    model, rows = trained("ensemble", "regression"), make_table("regression", 50, 7)
    parts = [model.members[name].predict(rows) * weight for name, weight in model.weights.items()]
    np.testing.assert_allclose(model.predict(rows), sum(parts))
    assert isinstance(model.conformal, Conformal)


def test_the_greedy_choice_finds_what_helps() -> None:
    """Two models with errors of their own are better together; a third that knows nothing is left out."""
    random = np.random.default_rng(0)
    y = random.normal(size=2000)
    good, other = y + random.normal(size=2000) * 0.5, y + random.normal(size=2000) * 0.7
    weights = greedy("regression", y, {"good": good, "other": other, "noise": 5 * random.normal(size=2000)}, "rmse")
    assert list(weights) == ["good", "other"]
    assert sum(weights.values()) == pytest.approx(1)
    # Of two independent errors, the best weights are as 1/0.25 to 1/0.49.
    assert weights["good"] == pytest.approx(0.66, abs=0.08)
    assert greedy("regression", y, {"good": y, "same": y.copy()}, "rmse") == {"good": 1.0}
    assert greedy("binary", np.ones(50), {"a": random.random(50), "b": random.random(50)}, "roc_auc") == {"a": 1.0}
