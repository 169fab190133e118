"""A real SQLite store for every test (made once, then copied, which takes milliseconds), and real, tiny networks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.clients import Client, ClientRegistry
from workbench.registry.evidence import Evidence
from workbench.registry.holdout import Features
from workbench.registry.store import Store, open_store

ROOT = Path(__file__).parents[2]
CLASSES = ["benign", "unclear", "malignant"]
METRIC = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the clients' configuration and an empty store."""
    folder = tmp_path_factory.mktemp("store_template")
    shutil.copytree(ROOT / "conf", folder / "conf")
    open_store(folder).experiment("clinic")
    return folder


@pytest.fixture
def store_project(store_template: Path, tmp_path: Path) -> Iterator[Path]:
    """A project of the test's own, with an empty store."""
    yield Path(shutil.copytree(store_template, tmp_path / "a project"))
    _forget()


@pytest.fixture
def store(store_project: Path) -> Store:
    """Its store."""
    return open_store(store_project)


def _forget() -> None:
    import mlflow

    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
    mlflow.set_registry_uri(None)


@pytest.fixture(scope="session")
def client() -> Client:
    """The client whose models they are."""
    return ClientRegistry(ROOT).load("clinic")


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Features:
    """300 rows: two numbers with gaps and one category, which say a good deal about the target."""
    return make_features(tmp_path_factory.mktemp("features") / "features.parquet")


@pytest.fixture(scope="session")
def network(features: Features) -> Any:
    """A network that has learned them."""
    return train(features, seed=1, epochs=12)


@pytest.fixture(scope="session")
def weak_network(features: Features) -> Any:
    """A network that never saw the best column as it is: better than chance, worse than ``network``."""
    return train(features, seed=2, epochs=12, shuffled="radius")


def make_features(path: Path, *, without: str = "", task: str = "binary") -> Features:
    """Write a table of features and open it lazily; ``without`` leaves one feature out."""
    from workbench.engines import connection

    rng = np.random.default_rng(7)
    rows = 300
    radius, texture = rng.normal(size=(2, rows))
    site = rng.choice(["left", "right"], rows)
    score = radius + 0.5 * texture + 0.8 * (site == "left") + rng.normal(scale=0.5, size=rows)
    target = {
        "binary": (score > 0.4).astype(np.int8),
        "multiclass": np.array(CLASSES)[np.digitize(score, [-0.4, 1.2])],
        "regression": score,
    }[task]
    table = pa.table(
        {
            "sample_id": np.arange(rows),
            "fold": np.array(["train", "train", "validation", "test", "test"])[np.arange(rows) % 5],
            "malignant": target,
            "radius": pa.array(radius, mask=rng.random(rows) < 0.05),
            "texture": texture,
            "site": pa.array(site, mask=rng.random(rows) < 0.05),
        }
    )
    if without:
        table = table.drop_columns([without])
    pq.write_table(table, path)
    roles = {
        "task": task,
        "target": "malignant",
        "classes": CLASSES if task == "multiclass" else None,
        "key": ["sample_id"],
        "time": None,
        "fold": "fold",
        "numeric": [name for name in ("radius", "texture") if name != without],
        "categorical": [name for name in ("site",) if name != without],
    }
    return Features(connection().read_parquet(path), roles)


def train(features: Features, *, seed: int, epochs: int, shuffled: str = "") -> Any:
    """Fit a network on the train fold, in which one column may be shuffled."""
    from workbench.learning import Columns, TrainConfig, fit

    folds = {name: features.table.filter(features.table.fold == name).to_pyarrow() for name in ("train", "validation")}
    if shuffled:
        rows = folds["train"]
        order = np.random.default_rng(seed).permutation(rows.num_rows)
        place = rows.column_names.index(shuffled)
        folds["train"] = rows.set_column(place, shuffled, rows.column(shuffled).take(order))
    config = TrainConfig(seed=seed, epochs=epochs, batch_size=64)
    return fit(folds["train"], folds["validation"], Columns.from_roles(features.roles), config, None)


@pytest.fixture(scope="session")
def evidence() -> Any:
    """Makes what ``evaluate`` would say of a network."""
    return make_evidence


def make_evidence(features: Features, model: Any, **checks: bool) -> Evidence:
    """The outputs of ``evaluate`` for a network, with its true metric."""
    metric = METRIC[features.roles["task"]]
    value = features.test_metrics({"it": model})["it"][metric]
    guess = 9.0 if metric == "rmse" else 0.5
    evaluation = {
        "task": features.roles["task"],
        "primary": metric,
        "models": {"network": {metric: {"value": value}}, "majority": {metric: {"value": guess}}},
        "checks": {"beats_majority": True, "calibrated": True, **checks},
    }
    return Evidence(
        evaluation,
        {f"network.{metric}": value, f"majority.{metric}": guess},
        calibration=pa.table({"predicted": [0.1, 0.9], "observed": [0.12, 0.85], "rows": [60, 60]}),
        segments=pa.table({"column": ["site"], "value": ["left"], "roc_auc": [0.8]}),
        importance=pa.table({"feature": ["radius", "site"], "importance": [0.2, 0.1], "std": [0.01, 0.02]}),
    )


@pytest.fixture(scope="session")
def retrain() -> Any:
    """Makes features without one of the columns, or of another task, and a network for them."""

    def make(folder: Path, **changes: str) -> tuple[Features, Any]:
        features = make_features(folder / "other.parquet", **changes)
        return features, train(features, seed=3, epochs=8)

    return make
