"""Permutation importance: what is lost of a score when a column is shuffled among the rows.

Breiman: "Random forests", Machine Learning 2001, section 10; model-agnostic as in Fisher, Rudin, Dominici: "All models
are wrong, but many are useful", JMLR 2019. Of two columns that say the same, both look unimportant.

Each column costs the model a prediction of the whole table. Of a wide one, only the columns are shuffled which a forest
needs most to say what the model says: extremely randomised trees (Geurts, Ernst, Wehenkel, Machine Learning 2006),
fitted to the model's predictions. Trees see more of what acts together than a correlation does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.arrow import numbers, texts
from workbench.learning.encoding.target import labels
from workbench.learning.metrics import HIGHER_IS_BETTER, compute

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["Importance", "permutation"]

TREES = 60
LEAF = 3
"""Rows of a leaf, at least."""

FLOAT32 = 3e38
"""What trees of scikit-learn compute with ends soon after."""


@dataclass(frozen=True)
class Importance:
    """One column.

    Attributes:
        feature: its name.
        importance: mean loss of the score over the repeats; negative if the score got better.
        std: standard deviation over the repeats.
    """

    feature: str
    importance: float
    std: float

    def to_dict(self) -> dict[str, Any]:
        """For a table."""
        return asdict(self)


def permutation(
    predict: Callable[[pa.Table], npt.NDArray[np.float64]],
    table: pa.Table,
    columns: Columns,
    metric: str,
    *,
    rows: int = 5000,
    repeats: int = 3,
    most: int | None = None,
    seed: int = 0,
) -> list[Importance]:
    """The importance of each feature, the most important first; empty if the score is undefined on these rows.

    Args:
        predict: the model.
        table: held-out rows, features and target.
        columns: which is which.
        metric: one of the task's scores.
        rows: at most so many rows are drawn.
        repeats: shuffles a column.
        most: of more columns than these, only as many are shuffled, those the predictions hang on; None: all.
        seed: draws and shuffles the rows.
    """
    import pyarrow as pa

    random = np.random.default_rng(seed)
    if table.num_rows > rows:
        table = table.take(np.sort(random.choice(table.num_rows, rows, replace=False)))
    table = table.select([*columns.features, columns.target]).combine_chunks()
    y = labels(table, columns)
    told = predict(table)
    whole = compute(columns.task, y, told)[metric]
    if not math.isfinite(whole):
        return []
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    copies = pa.concat_tables([table] * repeats)
    found = []
    for name in _likeliest(table, columns, told, len(columns.features) if most is None else most, seed):
        mixed = np.concatenate([random.permutation(table.num_rows) for _ in range(repeats)])
        place = copies.column_names.index(name)
        predicted = predict(copies.set_column(place, name, table.column(name).take(mixed)))
        lost = [sign * (whole - compute(columns.task, y, part)[metric]) for part in np.split(predicted, repeats)]
        found.append(Importance(name, float(np.mean(lost)), float(np.std(lost))))
    return sorted(found, key=lambda item: (-item.importance, item.feature))


def _likeliest(
    table: pa.Table, columns: Columns, predicted: npt.NDArray[np.float64], most: int, seed: int
) -> tuple[str, ...]:
    """The features, or those `most` that a forest needs most for what was predicted, in the features' order."""
    if len(columns.features) <= most:
        return columns.features
    from sklearn.ensemble import ExtraTreesRegressor

    matrix = np.empty((table.num_rows, len(columns.features)), dtype=np.float32)
    for place, name in enumerate(columns.features):
        if name in columns.categorical:
            matrix[:, place] = (
                texts(table, name).dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
            )
            continue
        values = numbers(table, name)
        known = values[np.isfinite(values)]
        beside = known.min() - 1 if len(known) else 0.0  # where a single cut parts what is missing from the rest
        matrix[:, place] = np.clip(np.where(np.isfinite(values), values, beside), -FLOAT32, FLOAT32)
    forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, max_features=1 / 3, random_state=seed)
    needed = forest.fit(matrix, predicted).feature_importances_
    chosen = np.sort(np.argsort(-needed, kind="stable")[:most])
    return tuple(columns.features[place] for place in chosen)
