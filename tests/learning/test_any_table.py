"""The default network learns from tables of any shape, with nothing said but target and task."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.encoding.target import labels
from workbench.learning.metrics import compute

Random = np.random.Generator


def wide(random: Random, rows: int) -> dict[str, np.ndarray]:
    """Three hundred columns, of which two count."""
    numbers = {f"x{at}": random.normal(size=rows) for at in range(300)}
    return {**numbers, "y": (numbers["x0"] + numbers["x1"] > 0).astype(int)}


def rare(random: Random, rows: int) -> dict[str, np.ndarray]:
    """One row in thirty is positive."""
    x, z = random.normal(size=(2, rows))
    return {"x": x, "z": z, "y": (x + 0.3 * z > 1.9).astype(int)}


def heavy(random: Random, rows: int) -> dict[str, np.ndarray]:
    """A target over five powers of ten, whose largest values are most of its variance."""
    x, z = random.normal(size=(2, rows))
    return {"x": x, "z": z, "y": np.exp(1.5 * x + 0.1 * z)}


def dirty(random: Random, rows: int) -> dict[str, np.ndarray]:
    """Constants, twins, infinities, gaps, identifiers, and a category that is new in every fold."""
    x = random.normal(size=rows)
    broken = np.where(random.random(rows) < 0.3, np.nan, x * 1e300)
    return {
        "x": x,
        "twin": x,
        "constant": np.ones(rows),
        "broken": np.where(random.random(rows) < 0.1, np.inf, broken),
        "id": np.array([f"id{random.integers(10**9)}" for _ in range(rows)]),
        "place": random.choice(["a", "b"], rows),
        "y": (x > 0.2).astype(int),
    }


@pytest.mark.parametrize(
    ("make", "task", "rows", "metric", "least"),
    [
        (wide, "binary", 250, "roc_auc", 0.65),
        (rare, "binary", 1500, "average_precision", 0.7),
        (heavy, "regression", 1500, "r2", 0.6),
        (dirty, "binary", 600, "roc_auc", 0.97),
        (dirty, "binary", 40, "roc_auc", 0.8),
    ],
    ids=["wide", "rare", "heavy", "dirty", "forty rows"],
)
def test_it_learns(make: object, task: str, rows: int, metric: str, least: float) -> None:
    random = np.random.default_rng(1)
    train, validation, test = (pa.table(make(random, size)) for size in (rows, rows // 2, 2000))  # type: ignore[operator]
    texts = tuple(name for name in ("id", "place") if name in train.column_names)
    numbers = tuple(name for name in train.column_names if name not in (*texts, "y"))
    columns = Columns(task, "y", numbers, texts)  # type: ignore[arg-type]
    model = fit(train, validation, columns, TrainConfig(epochs=8, device="cpu"))
    assert compute(task, labels(test, columns), model.predict(test))[metric] > least
