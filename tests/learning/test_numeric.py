from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.learning.encoding import NumericColumn

anything = arrays(np.float64, st.integers(1, 300), elements=st.floats(allow_nan=True, allow_infinity=True))


@given(train=anything, new=anything)
def test_scores_are_finite_ordered_and_survive_json(train: np.ndarray, new: np.ndarray) -> None:
    column = NumericColumn.fit("x", train)
    if not column.varies:
        return
    scores = column.transform(new)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    finite = np.isfinite(new)
    assert (scores[~finite] == 0).all()
    order = np.argsort(new[finite], kind="stable")
    assert (np.diff(scores[finite][order]) >= 0).all()
    again = NumericColumn.from_dict(json.loads(json.dumps(column.to_dict())))
    assert again == column
    assert (again.transform(new) == scores).all()


def test_skewed_values_become_normal() -> None:
    values = np.exp(np.random.default_rng(0).normal(size=20_000) * 3)
    scores = NumericColumn.fit("x", values).transform(values)
    assert abs(scores.mean()) < 0.02
    assert abs(scores.std() - 1) < 0.05
    assert abs(np.median(scores)) < 0.02


def test_equal_values_get_the_middle_of_their_ranks() -> None:
    column = NumericColumn.fit("x", np.array([0.0] * 80 + [1.0] * 20))
    low, high = column.transform(np.array([0.0, 1.0]))
    assert abs(low - -0.2533) < 0.01  # the normal quantile of 0.4
    assert abs(high - 1.2816) < 0.01  # of 0.9


def test_what_lies_beyond_the_training_values_is_taken_for_the_nearest() -> None:
    column = NumericColumn.fit("x", np.arange(100.0))
    assert (column.transform(np.array([-1e300, 1e300])) == column.transform(np.array([0.0, 99.0]))).all()


def test_missing_and_constant_columns_are_known_for_what_they_are() -> None:
    assert not NumericColumn.fit("x", np.full(9, np.nan)).varies
    assert not NumericColumn.fit("x", np.full(9, np.nan)).flagged
    assert not NumericColumn.fit("x", np.ones(9)).varies
    sometimes = NumericColumn.fit("x", np.array([1.0, np.nan, 1.0]))
    assert (sometimes.varies, sometimes.flagged) == (False, True)
