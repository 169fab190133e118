"""Boosted trees as arrays say what scikit-learn's own say, and arrays that are no trees are refused."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from workbench.learning import Columns
from workbench.learning.boosting.fit import boosting
from workbench.learning.boosting.trees import Trees

CLASSES = ("x", "y", "z")


def table_of(task: str, rows: int, seed: int, *, levels: int = 5, gaps: float = 0.2) -> pa.Table:
    """Two numbers, one of few values, and a category of many; all with gaps."""
    random = np.random.default_rng(seed)
    number, few = random.normal(size=rows), random.integers(0, 3, rows).astype(float)
    kind = random.integers(0, levels, rows)
    signal = number * (kind % 2) + few + random.normal(size=rows) * 0.3
    target: Any = signal
    if task == "binary":
        target = (signal > 0.5).astype(np.int8)
    elif task == "multiclass":
        target = np.array(CLASSES)[np.digitize(signal, [0.3, 1.5])]
    number[random.random(rows) < gaps], few[random.random(rows) < gaps] = np.nan, np.nan
    names = pa.array([f"k{value}" for value in kind], mask=random.random(rows) < gaps)
    return pa.table({"number": number, "few": few, "kind": names, "y": target})


def columns_of(task: str) -> Columns:
    return Columns(task, "y", ("number", "few"), ("kind",), CLASSES if task == "multiclass" else None)  # type: ignore[arg-type]


@pytest.fixture
def estimators(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The scikit-learn estimators that are fitted in the test."""
    seen: list[Any] = []
    for kind in (HistGradientBoostingClassifier, HistGradientBoostingRegressor):
        original = kind.fit

        def fit(self: Any, *given: Any, original: Any = original, **named: Any) -> Any:
            seen.append(self)
            return original(self, *given, **named)

        monkeypatch.setattr(kind, "fit", fit)
    return seen


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    task=st.sampled_from(["binary", "multiclass", "regression"]),
    rows=st.integers(60, 500),
    seed=st.integers(0, 2**20),
    levels=st.sampled_from([1, 2, 40, 300]),
    gaps=st.sampled_from([0.0, 0.3, 0.95]),
)
def test_they_say_what_scikit_learn_says(
    estimators: list[Any], task: str, rows: int, seed: int, levels: int, gaps: float
) -> None:
    train, other = (table_of(task, rows, seed + at, levels=levels, gaps=gaps) for at in (0, 1))
    if len(set(train["y"].to_pylist())) < 2:
        return
    model = boosting(train, other, columns_of(task), rounds=12)
    # Values beyond all that were seen, and values that are exactly a bound.
    probe = model.table.matrix(pa.concat_tables([other, train]))
    probe[:3, -1:] = [[1e300], [-1e300], [0.0]]
    own = model.trees.predict(probe, np.array(model.start))
    *_, staged = islice(estimators[-1]._staged_raw_predict(probe), model.rounds)
    np.testing.assert_allclose(own, staged.reshape(own.shape), rtol=1e-12, atol=1e-12)


def test_two_fits_in_a_row_are_one(estimators: list[Any]) -> None:
    """The clock is read between them; what comes out must not hang on that."""
    train, other = table_of("binary", 900, 0), table_of("binary", 400, 1)
    model = boosting(train, other, columns_of("binary"))
    whole = HistGradientBoostingClassifier(
        max_iter=500, n_iter_no_change=20, early_stopping=True, scoring="loss", random_state=0,
        categorical_features=[True, False, False],
    )  # fmt: skip
    y, judged = (np.asarray(rows["y"]).astype(float) for rows in (train, other))
    whole.fit(model.table.matrix(train), y, X_val=model.table.matrix(other), y_val=judged)
    assert whole.n_iter_ == estimators[0].n_iter_ == len(model.history)
    probe = model.table.matrix(other)
    assert np.array_equal(whole.predict_proba(probe), estimators[0].predict_proba(probe))
    losses = [report.validation_loss for report in model.history]
    assert model.rounds == int(np.argmin(losses)) + 1 < whole.n_iter_
    said = list(whole.staged_predict_proba(probe))[model.rounds - 1][:, 1]
    assert -np.mean(np.log(np.where(judged == 1, said, 1 - said))) == pytest.approx(min(losses))


def test_the_budget_ends_it_after_the_first_rounds() -> None:
    train, other = table_of("regression", 600, 0), table_of("regression", 300, 1)
    ticks = iter(range(1000))
    model = boosting(train, other, columns_of("regression"), budget_seconds=1e-9, clock=lambda: float(next(ticks)))
    assert len(model.history) == 10
    assert model.history[-1].stopped == "budget"
    # 10 rounds took one second, and there are two.
    again = boosting(train, other, columns_of("regression"), budget_seconds=2, clock=iter([0.0, 0.0, 1.0]).__next__)
    assert len(again.history) == 20


@pytest.fixture
def trees() -> Trees:
    return boosting(table_of("binary", 400, 0), table_of("binary", 200, 1), columns_of("binary"), rounds=5).trees


def test_a_chunk_s_end_changes_nothing(trees: Trees) -> None:
    matrix = np.random.default_rng(0).normal(size=(5000, 3))
    matrix[:, 0] = np.random.default_rng(1).integers(0, 5, 5000)
    whole = trees.predict(matrix, np.zeros(1))
    assert np.array_equal(whole, np.concatenate([trees.predict(part, np.zeros(1)) for part in np.split(matrix, 5)]))


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [
        ("left", 0, 0, "leads nowhere"),  # half a leaf
        ("left", 0, 10**6, "leads nowhere"),
        ("right", 0, 0, "leads nowhere"),  # back to the root: a walk without an end
        ("right", 0, 1, "do not make a tree"),  # both ways lead to one child
        ("column", 0, 3, "leads nowhere"),
        ("column", 0, -1, "leads nowhere"),
        ("group", 0, 10**6, "leads nowhere"),
        ("starts", 1, 2, "leads nowhere|do not make a tree"),
        ("starts", -1, 10**6, "do not fit each other"),
    ],
)
def test_arrays_that_are_no_trees_are_refused(trees: Trees, name: str, place: int, value: int, said: str) -> None:
    arrays = {key: array.copy() for key, array in trees.to_arrays().items()}
    assert Trees.from_arrays(arrays, 3).to_arrays().keys() == arrays.keys()
    arrays[name][place] = value
    with pytest.raises(ValueError, match=said):
        Trees.from_arrays(arrays, 3)


def test_arrays_of_another_type_or_name_are_refused(trees: Trees) -> None:
    arrays = trees.to_arrays()
    with pytest.raises(ValueError, match="'left' has another type"):
        Trees.from_arrays({**arrays, "left": arrays["left"].astype(float)}, 3)
    with pytest.raises(ValueError, match="not the arrays of trees"):
        Trees.from_arrays({**arrays, "more": arrays["left"]}, 3)


def test_a_tree_of_more_leaves_than_a_word_has_bits_is_refused() -> None:
    """A chain of 65 leaves: each test has a leaf on its left."""
    inner, nodes = 64, 129
    left, right = np.arange(nodes), np.arange(nodes)
    for test in range(inner):
        left[2 * test], right[2 * test] = 2 * test + 1, 2 * test + 2
    zeros = np.zeros(nodes, np.int64)
    arrays = {
        "starts": np.array([0, nodes]), "left": left, "right": right, "column": zeros, "bound": np.zeros(nodes),
        "group": zeros - 1, "missing_left": np.zeros(nodes, np.uint8), "value": np.zeros(nodes),
        "groups": np.zeros((0, 256), np.uint8),
    }  # fmt: skip
    with pytest.raises(ValueError, match="more than 64 leaves"):
        Trees.from_arrays(arrays, 1)
