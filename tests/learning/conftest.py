"""Tables whose target follows from the features by a rule, and quick settings to learn it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from workbench.learning import Columns, TabularModel, TrainConfig, fit
from workbench.learning.networks import ResNetSpec

CLASSES = ("high", "low", "middle")
NUMERIC, CATEGORICAL = ("slope", "wave", "constant", "empty"), ("kind", "void")


@pytest.fixture(scope="session")
def make_table() -> Callable[..., pa.Table]:
    """``make_table(task, rows, seed)``: two useful numbers, one with gaps; a useful category; three useless columns."""

    def make(task: str, rows: int, seed: int = 0) -> pa.Table:
        random = np.random.default_rng(seed)
        slope, wave = random.normal(size=(2, rows))
        kind = random.choice(["a", "b", "c"], rows)
        gap = random.random(rows) < 0.1
        signal = 1.5 * slope * (kind == "a") + np.sin(2 * wave) + (kind == "b") + gap
        noisy = signal + random.normal(size=rows) * 0.3
        target: Any = noisy * 100 + 1000
        if task == "binary":
            target = (noisy > 0.5).astype(np.int8)
        elif task == "multiclass":
            target = np.array(["low", "middle", "high"])[np.digitize(noisy, [-0.5, 0.8])]
        return pa.table(
            {
                "slope": slope,
                "wave": pa.array(np.where(gap, np.nan, wave), from_pandas=True),
                "constant": np.ones(rows),
                "empty": pa.nulls(rows, pa.float64()),
                "kind": kind,
                "void": pa.nulls(rows, pa.string()),
                "y": target,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_columns() -> Callable[..., Columns]:
    """``make_columns(task)`` for such a table."""

    def make(task: str) -> Columns:
        return Columns(task, "y", NUMERIC, CATEGORICAL, CLASSES if task == "multiclass" else None)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def quick() -> TrainConfig:
    """A small network, learned fast."""
    return TrainConfig(epochs=8, learning_rate=6e-3, averaging=0.95, network=ResNetSpec(width=48, blocks=1, bins=12))


@pytest.fixture(scope="session")
def models(
    make_table: Callable[..., pa.Table], make_columns: Callable[..., Columns], quick: TrainConfig
) -> Callable[[str], TabularModel]:
    """``models(task)``: a trained one, the same for all tests. Do not change it."""
    trained: dict[str, TabularModel] = {}

    def get(task: str) -> TabularModel:
        if task not in trained:
            train, validation = make_table(task, 1200, 1), make_table(task, 400, 2)
            trained[task] = fit(train, validation, make_columns(task), quick)
        return trained[task]

    return get
