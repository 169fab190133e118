from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.learning import Columns, baselines
from workbench.learning.boosting.fit import boosting
from workbench.learning.encoding.target import labels
from workbench.learning.metrics import compute

WANTED = {"binary": ("roc_auc", 0.93), "multiclass": ("accuracy", 0.78), "regression": ("r2", 0.88)}


@pytest.mark.parametrize("task", WANTED)
def test_boosting_learns_the_rule_and_the_majority_does_not(
    task: str, make_table: Callable, make_columns: Callable
) -> None:
    columns = make_columns(task)
    train, validation, test = (make_table(task, rows, seed) for rows, seed in ((1500, 1), (400, 2), (1000, 3)))
    metric, least = WANTED[task]
    y = labels(test, columns)
    boosted = boosting(train, validation, columns)
    assert compute(task, y, boosted.predict(test))[metric] > least
    plain = baselines.majority(train, columns).predict(test)
    assert plain.shape == boosted.predict(test).shape
    assert len(np.unique(plain, axis=0)) == 1
    assert compute(task, y, plain)[metric] < least - 0.3


def test_the_majority_says_what_training_rows_say(make_table: Callable, make_columns: Callable) -> None:
    train, other = make_table("multiclass", 500, 1), make_table("multiclass", 7, 2)
    shares = [train["y"].to_pylist().count(name) / 500 for name in make_columns("multiclass").classes]
    np.testing.assert_allclose(baselines.majority(train, make_columns("multiclass")).predict(other), [shares] * 7)


def test_boosting_is_seeded_and_stops_by_the_validation_rows(make_table: Callable, make_columns: Callable) -> None:
    train, validation, columns = make_table("binary", 500, 1), make_table("binary", 200, 2), make_columns("binary")
    one, other = (boosting(train, validation, columns, seed=3) for _ in range(2))
    assert np.array_equal(one.predict(validation), other.predict(validation))
    assert one.history[-1].stopped == "patience"


def test_unseen_missing_and_too_many_categories_are_taken() -> None:
    random = np.random.default_rng(0)
    many = pa.array([f"v{at}" for at in random.integers(0, 400, 2000)])
    train = pa.table({"c": many, "y": random.integers(0, 2, 2000)})
    model = boosting(train, train, Columns("binary", "y", (), ("c",)))
    assert np.isfinite(model.predict(pa.table({"c": pa.array(["new", None, "v1"])}))).all()


def test_classes_that_training_rows_lack_have_no_probability() -> None:
    columns = Columns("multiclass", "y", ("n",), (), ("a", "b", "c"))
    train = pa.table({"n": np.arange(60.0), "y": ["a", "c"] * 30})
    validation = pa.table({"n": [1.0, 2.0, 3.0], "y": ["a", "b", "c"]})
    found = boosting(train, validation, columns).predict(validation)
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_one_class_is_refused() -> None:
    train = pa.table({"n": [1.0, 2.0], "y": [1, 1]})
    with pytest.raises(ModelError, match="one class only"):
        boosting(train, train, Columns("binary", "y", ("n",), ()))
