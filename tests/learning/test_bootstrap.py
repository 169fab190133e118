from __future__ import annotations

import numpy as np
import pytest

from workbench.learning.metrics import intervals, resample


def coin(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    prediction = random.random(rows)
    return (random.random(rows) < prediction).astype(float), prediction


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """For probabilities p that are uniform and right, the expected Brier score is E p(1 - p) = 1/6."""
    held = 0
    for seed in range(150):
        found = intervals("binary", *coin(300, seed), resamples=100, confidence=0.9, seed=seed + 1000)["brier"]
        assert found.low <= found.value <= found.high
        held += found.low <= 1 / 6 <= found.high
    assert 122 <= held <= 146  # 135 expected; more than three standard deviations off is an error in the code


def test_the_same_seed_draws_the_same_rows() -> None:
    y, prediction = coin(500, 0)
    assert intervals("binary", y, prediction, seed=1) == intervals("binary", y, prediction, seed=1)
    assert intervals("binary", y, prediction, seed=1) != intervals("binary", y, prediction, seed=2)
    # A monotone change of the predictions leaves every resample's AUC as it was: the rows are the same ones.
    assert (
        intervals("binary", y, prediction**3, seed=1)["roc_auc"]
        == intervals("binary", y, prediction, seed=1)["roc_auc"]
    )


def test_more_confidence_and_fewer_rows_make_it_wider() -> None:
    y, prediction = coin(2000, 0)

    def width(rows: int, confidence: float) -> float:
        found = intervals("binary", y[:rows], prediction[:rows], confidence=confidence)["roc_auc"]
        return found.high - found.low

    assert width(2000, 0.99) > width(2000, 0.9)
    assert width(100, 0.9) > 2 * width(2000, 0.9)


def test_resamples_of_one_class_are_left_out() -> None:
    y = np.array([1.0] + [0.0] * 29)  # a third of all resamples miss the one positive row
    found = intervals("binary", y, np.linspace(0.9, 0.1, 30))
    assert found["roc_auc"].to_dict() == {"value": 1.0, "low": 1.0, "high": 1.0}


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_where_there_is_one_class_only_there_is_neither_value_nor_interval(name: str) -> None:
    found = intervals("binary", np.zeros(30), np.linspace(0, 1, 30))
    assert found[name].to_dict() == {"value": None, "low": None, "high": None}
    assert found["brier"].low < found["brier"].value < found["brier"].high


def test_several_classes_and_numbers_have_intervals_too() -> None:
    random = np.random.default_rng(0)
    y, prediction = random.integers(0, 3, 200), random.dirichlet(np.ones(3), 200)
    values = random.normal(size=200)
    for found in (intervals("multiclass", y, prediction), intervals("regression", values, values + y)):
        assert all(item.low <= item.value <= item.high for item in found.values())


def test_an_interval_holds_its_own_value_also_at_a_bound() -> None:
    """The R² of a constant that is almost the mean is almost 0, and every resample's is lower."""
    values = np.random.default_rng(0).normal(size=100)
    found = intervals("regression", values, np.full(100, values.mean()))["r2"]
    assert found.low < found.value == found.high


def rivals(rows: int, seed: int, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a good prediction, and nearly the same one, a little worse."""
    random = np.random.default_rng(seed)
    y, prediction = coin(rows, seed)
    return y, prediction, np.clip(prediction + shift * random.normal(size=rows), 0.001, 0.999)


def test_a_small_difference_is_seen_where_the_intervals_overlap() -> None:
    y, one, other = rivals(2000, 0, 0.06)
    first, second = resample("binary", y, one, seed=5), resample("binary", y, other, seed=5)
    apart = second.minus(first)["roc_auc"]
    assert apart.value == second.whole["roc_auc"] - first.whole["roc_auc"] < 0
    assert apart.low <= apart.value <= apart.high < 0
    assert second.intervals()["roc_auc"].high > first.intervals()["roc_auc"].low
    assert apart.high - apart.low < (first.intervals()["roc_auc"].high - first.intervals()["roc_auc"].low) / 2


@pytest.mark.slow
def test_a_difference_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of predictions p and p + 0.1, the expected Brier scores differ by 0.1² exactly, whatever p is."""
    held = 0
    for seed in range(150):
        y, prediction = coin(300, seed)
        one, other = (
            resample("binary", y, values, resamples=100, seed=seed + 1000) for values in (prediction, prediction + 0.1)
        )
        found = other.minus(one, 0.9)["brier"]
        held += found.low <= 0.01 <= found.high
    assert 122 <= held <= 146


def test_a_model_does_not_differ_from_itself_and_what_is_undefined_stays_so() -> None:
    y, prediction = coin(100, 0)
    same = resample("binary", y, prediction)
    assert same.minus(same)["log_loss"].to_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
    alone = resample("binary", np.zeros(30), np.linspace(0, 1, 30))
    assert alone.minus(alone)["roc_auc"].to_dict() == {"value": None, "low": None, "high": None}
