"""Permutation importance: what is lost of a score when a column is shuffled among the rows.

Breiman: "Random forests", Machine Learning 2001, section 10; model-agnostic as in Fisher, Rudin, Dominici: "All models
are wrong, but many are useful", JMLR 2019. Of two columns that say the same, both look unimportant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.encoding.target import labels
from workbench.learning.metrics import HIGHER_IS_BETTER, compute

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["Importance", "permutation"]


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
        seed: draws and shuffles the rows.
    """
    import pyarrow as pa

    random = np.random.default_rng(seed)
    if table.num_rows > rows:
        table = table.take(np.sort(random.choice(table.num_rows, rows, replace=False)))
    table = table.select([*columns.features, columns.target]).combine_chunks()
    y = labels(table, columns)
    whole = compute(columns.task, y, predict(table))[metric]
    if not math.isfinite(whole):
        return []
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    copies = pa.concat_tables([table] * repeats)
    found = []
    for name in columns.features:
        mixed = np.concatenate([random.permutation(table.num_rows) for _ in range(repeats)])
        place = copies.column_names.index(name)
        predicted = predict(copies.set_column(place, name, table.column(name).take(mixed)))
        lost = [sign * (whole - compute(columns.task, y, part)[metric]) for part in np.split(predicted, repeats)]
        found.append(Importance(name, float(np.mean(lost)), float(np.std(lost))))
    return sorted(found, key=lambda item: (-item.importance, item.feature))
