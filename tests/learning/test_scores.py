from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from workbench.clients.model import METRICS as GATED
from workbench.errors import ModelError
from workbench.learning.metrics import HIGHER_IS_BETTER, METRICS, better, compute, scorer, watched


def test_the_scores_are_those_that_the_gate_can_compare() -> None:
    assert dict(METRICS) == GATED
    assert HIGHER_IS_BETTER.keys() == {name for names in METRICS.values() for name in names}


rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 3)), min_size=2, max_size=60)


@given(rows)
def test_binary_scores_are_scikit_learn_s_with_ties_and_weights(drawn: list[tuple[int, int, int]]) -> None:
    y, prediction, weight = np.array(drawn, dtype=np.float64).T
    prediction = (prediction + 0.5) / 9
    if weight.sum() == 0:
        return
    found = scorer("binary", y, prediction)(weight)
    both = len(set(y[weight > 0])) == 2
    expected = {
        "roc_auc": oracle.roc_auc_score(y, prediction, sample_weight=weight) if both else math.nan,
        "average_precision": oracle.average_precision_score(y, prediction, sample_weight=weight) if both else math.nan,
        "log_loss": oracle.log_loss(y, prediction, sample_weight=weight, labels=[0, 1]),
        "brier": oracle.brier_score_loss(y, prediction, sample_weight=weight, pos_label=1, labels=[0, 1]),
        "accuracy": oracle.accuracy_score(y, prediction >= 0.5, sample_weight=weight),
    }
    assert found == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 2**32 - 1), st.integers(2, 80))
def test_scores_of_several_classes_and_of_numbers_are_scikit_learn_s(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    y, prediction = random.integers(0, 4, size), random.dirichlet(np.ones(4), size)
    weight = random.integers(0, 3, size).astype(float) + 1
    assert scorer("multiclass", y, prediction)(weight) == pytest.approx(
        {
            "accuracy": oracle.accuracy_score(y, prediction.argmax(1), sample_weight=weight),
            "log_loss": oracle.log_loss(y, prediction, sample_weight=weight, labels=range(4)),
            "macro_f1": oracle.f1_score(y, prediction.argmax(1), average="macro", sample_weight=weight),
        }
    )
    value = random.normal(size=size) * 10 + 1e6
    guess = value + random.normal(size=size)
    assert scorer("regression", value, guess)(weight) == pytest.approx(
        {
            "rmse": oracle.root_mean_squared_error(value, guess, sample_weight=weight),
            "mae": oracle.mean_absolute_error(value, guess, sample_weight=weight),
            "r2": oracle.r2_score(value, guess, sample_weight=weight),
        }
    )


def test_certainty_that_is_wrong_costs_much_but_not_infinitely_much() -> None:
    assert compute("binary", [0, 1], [1.0, 0.0])["log_loss"] == pytest.approx(36.04, abs=0.01)


def test_what_is_undefined_is_nan() -> None:
    one_class = compute("binary", [1, 1, 1], [0.2, 0.3, 0.9])
    assert math.isnan(one_class["roc_auc"])
    assert math.isnan(one_class["average_precision"])
    assert math.isfinite(one_class["log_loss"])
    assert math.isnan(compute("regression", [2.0, 2.0], [1.0, 3.0])["r2"])


def test_labels_may_be_the_names_of_the_classes() -> None:
    prediction = np.eye(3)[[0, 1, 2, 2]] * 0.7 + 0.1
    named = compute("multiclass", np.array(["b", "a", "c", "a"], dtype=object), prediction, classes=["b", "a", "c"])
    assert named == compute("multiclass", [0, 1, 2, 1], prediction)
    with pytest.raises(ModelError, match="1 labels are none of the classes"):
        compute("multiclass", ["b", "a", "c", "d"], prediction, classes=["b", "a", "c"])
    with pytest.raises(ModelError, match="the labels are not numbers"):
        compute("multiclass", ["b", "a", "c", "d"], prediction)


@pytest.mark.parametrize(
    ("y", "prediction", "said"),
    [
        ([0, 1], [0.5], "2 labels and 1 predictions"),
        ([], [], "0 labels and 0 predictions"),
        ([0, 1], [0.5, math.nan], "1 predictions are not finite"),
        ([0, 1], [math.inf, 0.5], "1 predictions are not finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(y: list[int], prediction: list[float], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        compute("binary", y, prediction)


def test_better_knows_the_direction_and_the_undefined() -> None:
    assert better("roc_auc", 0.8, 0.7)
    assert not better("rmse", 0.8, 0.7)
    assert not better("rmse", 0.7, 0.7)
    assert better("rmse", 0.7, math.nan)
    assert not better("rmse", math.nan, 0.7)
    assert not better("rmse", math.nan, math.nan)


def test_the_watched_score_is_one_of_the_task_s() -> None:
    assert watched("binary", np.array([0.0, 1.0]), np.array([0.1, 0.2])) == ("roc_auc", 1.0)
    assert watched("regression", np.array([0.0, 1.0]), np.array([0.0, 1.0])) == ("rmse", 0.0)
