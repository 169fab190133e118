"""Many small tables on one device: one after another, and all at once.

    python -m benchmarks.many_tables [--tables 50] [--rows 5000] [--device auto] [--epochs 0] [--rounds 1]

Those are the defaults on a GPU; on a CPU they are 8 tables of 1,000 rows.

Each table is a client's: its own numbers and categories (some have more columns than others), its own rule. `alone`
trains one network after another with `fit`, `together` trains the same ones with `fit_many`; both to their early stop,
or for so many epochs. Then every third table is trained alone with two more seeds, which tells how far a metric moves
by chance: the bar is that no table moves by more than that between the two ways.
Needs torch, numpy and pyarrow.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from workbench.learning import Columns, TrainConfig, fit  # before torch: no spinning threads

import numpy as np  # isort: skip
import pyarrow as pa  # isort: skip
import torch  # isort: skip

from workbench.learning.devices import pick_device
from workbench.learning.many import Job, fit_many
from workbench.learning.networks.model import NetworkModel

BAR = 8.0
"""Times as quick together, on a GPU."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int)
    parser.add_argument("--rows", type=int, help="a table, a fifth of them for validation")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=0, help="0: until a table stops by itself")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    device = pick_device(options.device)
    usual = (50, 5_000) if device.type == "cuda" else (8, 1_000)
    options.tables, options.rows = options.tables or usual[0], options.rows or usual[1]
    jobs = [_job(number, options.rows, options.device, options.epochs) for number in range(options.tables)]
    tests = {job.name: _table(number, options.rows, 1)[1] for number, job in enumerate(jobs)}
    fit(jobs[0].train, jobs[0].validation, jobs[0].columns, replace(jobs[0].config, epochs=1))  # what is done once
    seconds = {"alone": np.inf, "together": np.inf}
    models: dict[str, dict[str, NetworkModel]] = {}
    for _ in range(options.rounds):
        for name, way in (("alone", _alone), ("together", _together)):
            began = time.perf_counter()
            models[name] = way(jobs)
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    place = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    network = next(iter(models["alone"].values()))
    print(
        f"{len(jobs)} tables of {options.rows:,} rows, {network.spec.name} of {network.weights:,} weights, on {place}"
    )
    print(f"{'':12}{'seconds':>9}{'ratio':>8}{'epochs':>9}{'mean ROC AUC':>15}")
    values = {
        name: np.array([_value(model, tests[at]) for at, model in found.items()]) for name, found in models.items()
    }
    for name, found in models.items():
        epochs = sum(len(model.history) for model in found.values())
        ratio = seconds["alone"] / seconds[name]
        print(f"{name:12}{seconds[name]:9.1f}{ratio:8.2f}{epochs:9,}{values[name].mean():15.4f}")
    spread = _spread(jobs[::3], tests)
    moved = np.abs(values["together"] - values["alone"])
    held = seconds["alone"] / seconds["together"] >= BAR
    bar = (
        f"bar ≥ {BAR:g} times as quick: {'held' if held else 'MISSED'}" if device.type == "cuda" else "no bar on a CPU"
    )
    print(
        f"a table's metric moved by {moved.mean():.4f}, at most {moved.max():.4f}; between seeds by {spread:.4f}; {bar}"
    )


def _job(number: int, rows: int, device: str, epochs: int) -> Job:
    columns, table = _table(number, rows, 0)
    config = TrainConfig(seed=number, device=device, budget_seconds=600)
    if epochs:
        config = replace(config, epochs=epochs, patience=epochs)
    kept = rows * 4 // 5
    return Job(f"client-{number:03}", table.slice(0, kept), table.slice(kept), columns, config)


def _table(number: int, rows: int, part: int) -> tuple[Columns, pa.Table]:
    """A client's rows: ten to twenty numbers, up to three categories, a rule of its own. Two parts follow one rule."""
    rule, random = np.random.default_rng(number), np.random.default_rng((number, part))
    numeric = tuple(f"x{at}" for at in range(rule.integers(10, 21)))
    categorical = tuple(f"c{at}" for at in range(rule.integers(0, 4)))
    numbers = {name: random.normal(size=rows) for name in numeric}
    codes = {name: random.integers(12, size=rows) for name in categorical}
    weights = rule.normal(size=len(numeric))
    signal = sum(weight * np.sin(numbers[name] * 2) for weight, name in zip(weights, numeric, strict=True))
    for name in categorical:
        signal = signal + rule.normal(size=12)[codes[name]]
    y = (signal + random.normal(size=rows) * 2 > 0).astype(np.int64)
    texts = {name: values.astype(str) for name, values in codes.items()}
    return Columns("binary", "y", numeric, categorical), pa.table({**numbers, **texts, "y": y})


def _alone(jobs: list[Job]) -> dict[str, NetworkModel]:
    return {job.name: fit(job.train, job.validation, job.columns, job.config) for job in jobs}


def _together(jobs: list[Job]) -> dict[str, NetworkModel]:
    found: dict[str, NetworkModel] = {}
    for name, model in fit_many(jobs).items():
        if isinstance(model, Exception):
            raise model
        found[name] = model
    return found


def _spread(jobs: list[Job], tests: dict[str, pa.Table]) -> float:
    """How far a table's metric moves between two seeds, on average."""
    moved = []
    for job in jobs:
        values = []
        for seed in (1_000, 2_000):
            model = fit(job.train, job.validation, job.columns, replace(job.config, seed=seed))
            values.append(_value(model, tests[job.name]))
        moved.append(abs(values[0] - values[1]))
    return float(np.mean(moved))


def _value(model: NetworkModel, test: pa.Table) -> float:
    from workbench.learning.metrics import compute

    return compute("binary", test["y"].to_numpy(), model.predict(test))["roc_auc"]


if __name__ == "__main__":
    main()
