"""Which models validation rows can tell apart, and what weights follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.learning.ensemble import alike, hedged

ROWS = 400


def _of(errors: dict[str, float], rows: int = ROWS) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels, and predictions that are off by normal deviates of these standard deviations, independently."""
    random = np.random.default_rng(5)
    y = random.normal(size=rows)
    return y, {name: y + spread * random.normal(size=rows) for name, spread in errors.items()}


def test_what_is_surely_worse_is_told_apart_and_what_may_be_as_good_is_not() -> None:
    y, predicted = _of({"a": 1.0, "b": 1.01, "c": 2.0})
    best = min("ab", key=lambda name: np.mean((y - predicted[name]) ** 2))
    assert alike("regression", y, predicted, best) == ("a", "b")


def test_more_rows_tell_more() -> None:
    small, large = (_of({"a": 1.0, "b": 1.15}, rows) for rows in (40, 40_000))
    assert alike("regression", *small, "a") == ("a", "b")
    assert alike("regression", *large, "a") == ("a",)


def test_a_model_that_says_the_same_as_the_best_adds_nothing() -> None:
    y, predicted = _of({"a": 1.0})
    assert alike("regression", y, predicted | {"b": predicted["a"]}, "a") == ("a",)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_loss_of_classes_is_how_unlikely_the_right_one_was(task: str) -> None:
    """One overconfident model is right thirty times and very wrong once: no more rows are needed to doubt it."""
    y = np.array([0, 1, 1] * 10 + [1])
    sure, unsure = np.where(y == 1, 0.999, 0.001), np.where(y == 1, 0.8, 0.2)
    sure[-1] = 1e-9
    predicted = {"sure": sure, "unsure": unsure}
    if task == "multiclass":
        predicted = {name: np.stack([1 - p, p], axis=1) for name, p in predicted.items()}
    assert alike(task, y, predicted, "sure") == ("sure", "unsure")
    assert alike(task, y[:-1], {name: p[:-1] for name, p in predicted.items()}, "sure") == ("sure",)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.05, 1), min_size=1),
    st.sets(st.sampled_from("abcd"), min_size=1),
)
def test_hedged_weights_are_those_of_a_mean_and_none_of_the_names_has_none(
    raw: dict[str, float], names: set[str]
) -> None:
    weights = {name: value / sum(raw.values()) for name, value in raw.items()}
    mixed = hedged(weights, sorted(names))
    assert sum(mixed.values()) == pytest.approx(1)
    assert mixed.keys() == weights.keys() | names
    assert all(mixed[name] >= 0.5 / len(names) for name in names)
