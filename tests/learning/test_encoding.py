from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.learning import Columns
from workbench.learning.encoding import TableEncoder
from workbench.learning.encoding.target import labels

BINARY = Columns("binary", "y", ("n",), ("c",))


def table(**columns: object) -> pa.Table:
    return pa.table({"n": [1.0, 2.0, 3.0, 4.0], "c": ["a", "b", "a", "b"], "y": [0, 1, 0, 1], **columns})


def test_only_columns_that_tell_something_reach_the_network(make_table: Callable, make_columns: Callable) -> None:
    rows = make_table("binary", 200)
    encoder = TableEncoder.fit(rows, make_columns("binary"))
    encoded = encoder.features(rows)
    assert (encoded.numeric.shape, encoded.flags.shape, encoded.codes.shape) == ((200, 2), (200, 1), (200, 1))
    assert (encoder.inputs.flags, len(encoder.inputs.edges), len(encoder.inputs.cardinalities)) == (1, 2, 1)
    assert (encoded.flags[:, 0] == rows["wave"].is_null().to_numpy()).all()


def test_an_encoder_survives_json(make_table: Callable, make_columns: Callable) -> None:
    columns = make_columns("regression")
    encoder = TableEncoder.fit(make_table("regression", 300), columns)
    assert TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), columns) == encoder


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([True, False, True, None]),
        pa.array([1, 2, 3, None], pa.int64()),
        pa.array([2**62, 1, 2, 3], pa.int64()),
        pa.array([Decimal("1.5"), None, Decimal(2), Decimal(3)]),
        pa.array([1.0, float("inf"), float("nan"), -1e308]),
    ],
    ids=["booleans", "integers", "large integers", "decimals", "not finite"],
)
def test_numbers_of_every_kind_are_read(numbers: pa.Array) -> None:
    encoded = TableEncoder.fit(table(n=numbers), BINARY).features(table(n=numbers))
    assert np.isfinite(encoded.numeric).all()


def test_categories_may_be_dictionaries_or_numbers() -> None:
    plain = TableEncoder.fit(table(), BINARY).features(table())
    coded = table(c=pa.array(["a", "b", "a", "b"]).dictionary_encode())
    assert (TableEncoder.fit(coded, BINARY).features(coded).codes == plain.codes).all()
    numbers = table(c=[7, 8, 7, 8])
    assert (TableEncoder.fit(numbers, BINARY).features(numbers).codes == plain.codes).all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (table().drop_columns("n"), "column 'n' is missing"),
        (table().append_column("n", pa.array([1.0] * 4)), "column 'n' is in the table more than once"),
        (table(n=["1", "2", "3", "4"]), "column 'n' holds string, not numbers"),
        (table(c=[[1], [2], [3], [4]]), "column 'c' holds list.*, not texts"),
        (table(y=[0, 1, None, 1]), "the target 'y' has no finite value in 1 of 4 rows"),
        (table(y=[0, 1, 2, 1]), "the target 'y' has values other than 0 and 1"),
        (table(y=[1, 1, 1, 1]), "the target 'y' has one class only in all 4 training rows"),
        (table(n=[1.0] * 4, c=["a"] * 4), "none of the 2 features varies"),
        (table().slice(0, 0), "there is no training row"),
    ],
)
def test_what_cannot_be_learned_from_is_said_in_one_sentence(rows: pa.Table, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        TableEncoder.fit(rows, BINARY)


@pytest.mark.parametrize("values", [[5.0] * 4, [1e9, 1e9, 1e9, 1e9 + 1e-7]])
def test_a_regression_needs_a_target_that_varies(values: list[float]) -> None:
    with pytest.raises(ModelError, match="the target 'y' is the same in all 4 training rows"):
        TableEncoder.fit(table(y=values), Columns("regression", "y", ("n",), ("c",)))


def test_labels_follow_the_order_of_the_classes() -> None:
    columns = Columns("multiclass", "y", ("n",), (), ("z", "a"))
    assert labels(table(y=["a", "z", "z", "a"]), columns).tolist() == [1, 0, 0, 1]
    with pytest.raises(ModelError, match="no class that is known in 2 of 4 rows"):
        labels(table(y=["a", "z", "new", None]), columns)
