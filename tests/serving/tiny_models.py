"""Small tables and models that are trained in a second, and kept where a server finds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.learning import Columns, TabularModel, TrainConfig, fit
from workbench.learning.networks import TabMSpec

__all__ = ["ROW", "Saved", "make_model", "make_table", "traffic_text"]

CLASSES = ("high", "low", "middle")
NUMERIC, CATEGORICAL = ("slope", "wave", "constant", "empty"), ("kind", "void")
ROW = {"slope": 0.3, "wave": -1.25, "constant": 1, "empty": None, "kind": "a", "void": None}


def make_table(task: str, rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    slope, wave = random.normal(size=(2, rows))
    kind = random.choice(["a", "b", "c", "rare"], rows, p=[0.33, 0.33, 0.33, 0.01])
    gap = random.random(rows) < 0.1
    noisy = 1.5 * slope * (kind == "a") + np.sin(2 * wave) + (kind == "b") + random.normal(size=rows) * 0.3
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
            "kind": pa.array(kind, mask=random.random(rows) < 0.05),
            "void": pa.nulls(rows, pa.string()),
            "y": target,
        }
    )


def make_model(task: str, seed: int = 0) -> TabularModel:
    columns = Columns(task, "y", NUMERIC, CATEGORICAL, CLASSES if task == "multiclass" else None)  # type: ignore[arg-type]
    config = TrainConfig(seed=seed, epochs=2, network=TabMSpec(members=4, width=32, blocks=1, bins=8))
    return fit(make_table(task, 800, seed), make_table(task, 200, seed + 1), columns, config)


@dataclass(frozen=True)
class Saved:
    model: TabularModel
    folder: Path
    sha256: str

    @property
    def spec(self) -> dict[str, str]:
        return {"artifact": str(self.folder), "sha256": self.sha256}


def traffic_text(saved: dict[str, Saved], **shares: int) -> str:
    """``traffic_text(saved, v3=90, v4=10)``."""
    named = {name.removeprefix("v"): share for name, share in shares.items()}
    return json.dumps({"versions": {name: saved[name].spec for name in named}, "traffic": named})
