"""Gradient boosting of regression trees: scikit-learn's HistGradientBoosting, within a budget, as arrays.

Friedman: "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001; histograms as in Ke
and others: "LightGBM", NeurIPS 2017. Missing values have a side of their own at each test, categories are split by
groups. The validation rows decide how many rounds are kept: those up to the lowest loss.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from workbench.learning.boosting.model import BoostingModel
from workbench.learning.boosting.table import TreeColumns
from workbench.learning.boosting.trees import BITSET, Trees
from workbench.learning.config import EpochReport, Stop
from workbench.learning.encoding.target import TargetCoder, labels
from workbench.learning.threads import SMALL_TABLE, one_boosting_thread

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.learning.columns import Columns
    from workbench.learning.monotone import Direction

__all__ = ["boosting"]

PATIENCE = 20
"""Rounds without a lower validation loss before it stops."""

FIRST_ROUNDS = 10
"""Rounds after which the clock is read: what they took tells how many more there is time for."""


def boosting(
    train: pa.Table,
    validation: pa.Table,
    columns: Columns,
    *,
    seed: int = 0,
    rounds: int = 500,
    monotone: Mapping[str, Direction] | None = None,
    budget_seconds: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> BoostingModel:
    """Fit gradient boosting, and calibrate it.

    Args:
        train: the rows to learn from.
        validation: the rows that decide when to stop, and that calibrate.
        columns: target and features.
        seed: of the rows that bins are made from, where there are very many.
        rounds: at most.
        monotone: number columns in whose direction no tree goes against; not for several classes.
        budget_seconds: the first :data:`FIRST_ROUNDS` are done in any case.
        clock: seconds.

    Raises:
        ModelError: a column or the target is not what it should be.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    y, judged = labels(train, columns), labels(validation, columns)
    coder = TargetCoder.fit(y, columns)
    began = clock()
    table = TreeColumns.fit(train, columns)
    kind = HistGradientBoostingRegressor if columns.task == "regression" else HistGradientBoostingClassifier
    estimator = kind(
        n_iter_no_change=PATIENCE,
        early_stopping=True,
        scoring="loss",
        random_state=seed,
        categorical_features=[True] * len(table.categorical) + [False] * len(table.numeric),
        warm_start=True,
        monotonic_cst=_signs(table, monotone or {}),
    )
    # The estimator refuses a class that it was not shown.
    shown = np.isin(judged, y) if columns.task != "regression" else np.full(len(judged), True)
    matrix, watched = table.matrix(train), table.matrix(validation)[shown]
    for most in (min(FIRST_ROUNDS, rounds), rounds):
        taken = clock() - began
        fitting = rounds if not hasattr(estimator, "n_iter_") else estimator.n_iter_ * budget_seconds / taken
        if fitting > getattr(estimator, "n_iter_", 0):
            estimator.set_params(max_iter=int(min(most, max(fitting, FIRST_ROUNDS))))
            with one_boosting_thread(when=matrix.size < SMALL_TABLE):
                estimator.fit(matrix, y, X_val=watched, y_val=judged[shown])
    history = _history(estimator, coder, stopped_by_budget=estimator.max_iter < rounds)
    kept = min(range(len(history)), key=lambda at: history[at].validation_loss) + 1
    start = np.ravel(estimator._baseline_prediction)  # noqa: SLF001 - as are the trees, not public
    seen = [] if columns.task != "multiclass" else estimator.classes_.astype(int).tolist()
    trees = _trees([tree for grown in estimator._predictors[:kept] for tree in grown])  # noqa: SLF001
    model = BoostingModel(columns, table, trees, start.tolist(), seen=seen, history=history)
    model.calibrate(judged, model.uncalibrated(validation))
    return model


def _signs(table: TreeColumns, monotone: Mapping[str, Direction]) -> list[int] | None:
    """1, 0 or -1 a column of the matrix; None if there is nothing to hold to."""
    signs = [{"increasing": 1, "decreasing": -1}.get(monotone.get(name, ""), 0) for name in table.numeric]
    return [0] * len(table.categorical) + signs if any(signs) else None


def _history(estimator: Any, coder: TargetCoder, *, stopped_by_budget: bool) -> list[EpochReport]:
    """A report a round; losses in the units of a network's."""
    # scikit-learn minimises half the squared error, in the target's own unit.
    unit = 2 / coder.scale**2 if coder.task == "regression" else 1.0
    train, validation = (
        -unit * np.asarray(scores[1:]) for scores in (estimator.train_score_, estimator.validation_score_)
    )
    last, best = estimator.n_iter_, math.inf
    reports = []
    for number, (learned, judged) in enumerate(zip(train.tolist(), validation.tolist(), strict=True), start=1):
        stopped: Stop | None = None
        if number == last:
            stopped = "patience" if last < estimator.max_iter else "budget" if stopped_by_budget else "epochs"
        reports.append(EpochReport(number, estimator.max_iter, learned, judged, "loss", None, judged < best, stopped))
        best = min(best, judged)
    return reports


def _trees(grown: list[Any]) -> Trees:
    """From scikit-learn's node arrays, which are not public; a test holds what comes out to its own predictions."""
    nodes = [tree.nodes for tree in grown]
    groups = [_bits(tree.raw_left_cat_bitsets) for tree in grown]
    counts = [len(each) for each in nodes]
    together = np.concatenate(nodes)
    own = np.concatenate([np.arange(count) for count in counts])
    leaf = together["is_leaf"].astype(bool)
    first_group = np.repeat(np.cumsum([0, *(len(each) for each in groups[:-1])]), counts)
    category = together["is_categorical"].astype(bool) & ~leaf
    # Up to infinity: any number goes left, a missing one may not.
    bound = np.clip(together["num_threshold"], -np.finfo(np.float64).max, np.finfo(np.float64).max)
    return Trees(
        starts=np.cumsum([0, *counts], dtype=np.int64),
        left=np.where(leaf, own, together["left"]).astype(np.int64),
        right=np.where(leaf, own, together["right"]).astype(np.int64),
        column=np.where(leaf, 0, together["feature_idx"]).astype(np.int64),
        bound=np.where(leaf | category, 0.0, bound),
        group=np.where(category, first_group + together["bitset_idx"], -1).astype(np.int64),
        missing_left=np.where(leaf, 0, together["missing_go_to_left"]).astype(np.uint8),
        value=np.where(leaf, together["value"], 0.0),
        groups=np.concatenate(groups),
    )


def _bits(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Words of 32 bits, ``(tests, 8)``, the lowest bit first, as 0 and 1, ``(tests, 256)``."""
    spread = np.unpackbits(np.ascontiguousarray(words, dtype="<u4").view(np.uint8), axis=-1, bitorder="little")
    return spread.reshape(len(words), BITSET)
