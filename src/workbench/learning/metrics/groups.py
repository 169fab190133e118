"""Scores by group: does the model serve everybody?"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.metrics.scores import METRICS, Floats, checked, compute

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MISSING", "OTHERS", "GroupScore", "by_group", "group_names"]

MISSING, OTHERS = "(missing)", "(others)"
MOST_GROUPS = 50
PARTS = 4


@dataclass(frozen=True)
class GroupScore:
    """One group.

    Attributes:
        value: its name.
        rows: how many rows it has.
        mean: the mean label; for several classes, the share of the commonest.
        scores: each score of the task; None where it is undefined or the group is too small.
        reason: why a score is None; empty if none is.
    """

    value: str
    rows: int
    mean: float
    scores: dict[str, float | None]
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A flat record, for a table."""
        return {"value": self.value, "rows": self.rows, "mean": self.mean, **self.scores, "reason": self.reason}


def by_group(
    task: str, y: npt.ArrayLike, prediction: npt.ArrayLike, groups: npt.NDArray[np.object_], *, fewest: int = 50
) -> list[GroupScore]:
    """The scores of each group, the largest first.

    Args:
        task: binary, multiclass or regression.
        y: labels.
        prediction: predictions.
        groups: the group of each row, from :func:`group_names`.
        fewest: a group with fewer rows gets no score.
    """
    labels, predicted = checked(task, y, prediction)
    names, place = np.unique(groups.astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(place))[:-1])
    found = [
        _group(task, str(name), labels[rows], predicted[rows], fewest) for name, rows in zip(names, parts, strict=True)
    ]
    return sorted(found, key=lambda group: (-group.rows, group.value))


def group_names(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """A name of its group for each row.

    Numbers with many values fall into quarters of about equal size; of texts with many values the 50 commonest keep
    their names. Missing values are a group of their own.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        values = column.cast(pa.float64(), safe=False).to_numpy()
        if len(np.unique(values[np.isfinite(values)])) > PARTS * 5:
            return _quarters(values)
        names = [f"{value:g}" if math.isfinite(value) else MISSING for value in values.tolist()]
    else:
        names = [MISSING if value is None else str(value) for value in column.to_pylist()]
    ranked = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    kept = {name for name, _ in ranked[:MOST_GROUPS]}
    return np.array([name if name in kept else OTHERS for name in names], dtype=object)


def _quarters(values: Floats) -> npt.NDArray[np.object_]:
    finite = values[np.isfinite(values)]
    ends = np.unique(np.quantile(finite, np.linspace(0, 1, PARTS + 1), method="inverted_cdf"))
    names = np.array([f"{low:g} to {high:g}" for low, high in pairwise(ends)], dtype=object)
    place = np.clip(np.searchsorted(ends, values, side="left") - 1, 0, len(names) - 1)
    return np.where(np.isfinite(values), names[place], MISSING)


def _group(task: str, name: str, y: npt.NDArray[Any], prediction: Floats, fewest: int) -> GroupScore:
    mean = float(np.bincount(y).max() / len(y)) if task == "multiclass" else float(y.mean())
    if len(y) < fewest:
        return GroupScore(name, len(y), mean, dict.fromkeys(METRICS[task]), f"fewer than {fewest} rows")
    scores = {key: value if math.isfinite(value) else None for key, value in compute(task, y, prediction).items()}
    undefined = None in scores.values()
    reason = ("one value only" if task == "regression" else "one class only") if undefined else ""
    return GroupScore(name, len(y), mean, scores, reason)
