"""What is served is what ``score`` writes, for every kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from workbench.learning import Columns, TabularModel
from workbench.learning.boosting.few import FewRows
from workbench.learning.boosting.fit import boosting
from workbench.learning.boosting.trees import Trees
from workbench.learning.ensemble import EnsembleModel
from workbench.learning.linear import linear
from workbench.serving.contract import Contract
from workbench.serving.rows import Rows
from workbench.serving.swift import known_categories, swift

CLASSES = ("high", "low", "middle")
NUMERIC, CATEGORICAL = ("slope", "wave", "constant", "empty"), ("kind", "void")


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def models(request: pytest.FixtureRequest, make: Any) -> dict[str, TabularModel]:
    table, model = make
    task = request.param
    columns = Columns(task, "y", NUMERIC, CATEGORICAL, CLASSES if task == "multiclass" else None)
    train, validation = table(task, 700, 1), table(task, 200, 2)
    found = {
        "network": model(task, 5),
        "boosting": boosting(train, validation, columns, rounds=20),
        "linear": linear(train, validation, columns),
    }
    found["ensemble"] = EnsembleModel(columns, found, {"network": 0.5, "boosting": 0.25, "linear": 0.25})
    return found


@pytest.mark.parametrize("kind", ["network", "boosting", "linear", "ensemble"])
def test_a_swift_model_predicts_what_the_model_does(
    models: dict[str, TabularModel], kind: str, table: pa.Table, predict: Callable[..., Any]
) -> None:
    model = models[kind]
    contract = Contract(model)
    rows = contract.rows_of_records(table.to_pylist(), "rows")
    swifted = swift(model)

    np.testing.assert_array_equal(swifted.predict(rows), model.predict(table))
    told = contract.predicted(swifted.predict(rows))
    assert (told.prediction, told.probability) == predict(model, table)
    # One row alone: the same, but for the last digits, since matrix products depend on their sizes.
    for at in (0, 7):
        alone = swifted.predict(Rows(rows.numbers[at : at + 1], rows.texts[at : at + 1]))
        np.testing.assert_allclose(alone, model.predict(table.slice(at, 1)), rtol=1e-12)
        np.testing.assert_allclose(alone[0], model.predict(table)[at], rtol=2e-5, atol=1e-7)


def test_the_model_that_was_given_stays_as_it_is(models: dict[str, TabularModel], table: pa.Table) -> None:
    before = models["ensemble"].predict(table)
    swift(models["ensemble"])
    np.testing.assert_array_equal(models["ensemble"].predict(table), before)


def test_known_categories(models: dict[str, TabularModel]) -> None:
    assert known_categories(models["network"]) == {"kind": {"a", "b", "c", "rare"}, "void": frozenset()}
    assert known_categories(models["ensemble"])["kind"] >= {"a", "b", "c"}


def test_few_rows_are_summed_in_the_order_of_the_trees(models: dict[str, TabularModel], table: pa.Table) -> None:
    """Four hundred trees and more, whose sums depend on the order in which they are added."""
    model: Any = models["boosting"]
    arrays = {name: np.concatenate([array] * 40) for name, array in model.trees.to_arrays().items() if name != "groups"}
    ends = model.trees.starts[1:]
    arrays["starts"] = np.concatenate([[0], *(ends + at * ends[-1] for at in range(40))])
    arrays["groups"] = model.trees.groups
    trees = Trees.from_arrays(arrays, len(model.table))
    matrix, start = model.table.matrix(table), np.array(model.start)
    assert len(trees) > 400
    few = FewRows(trees)
    for rows in (1, 7, 200, 400):
        np.testing.assert_array_equal(few.predict(matrix[:rows], start), trees.predict(matrix[:rows], start))
