from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from workbench.learning.encoding import MISSING, UNSEEN, CategoricalColumn

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
some = st.lists(st.none() | text, min_size=1, max_size=60)


@given(train=some, new=some, fewest=st.integers(1, 3))
def test_codes_say_which_value_it_was_and_survive_json(train: list[str], new: list[str], fewest: int) -> None:
    column = CategoricalColumn.fit("x", pa.array(train, pa.string()), fewest=fewest)
    codes = column.transform(pa.array(new, pa.string()))
    for value, code in zip(new, codes.tolist(), strict=True):
        if value in column.values:
            assert column.values[code - 2] == value
        elif value is None and None in train:
            assert code == MISSING
        else:
            assert code == UNSEEN
    assert codes.max(initial=0) < column.cardinality
    again = CategoricalColumn.from_dict(json.loads(json.dumps(column.to_dict())))
    assert again == column
    assert (again.transform(pa.array(new, pa.string())) == codes).all()


def test_rare_values_are_unseen_and_the_vocabulary_has_a_limit() -> None:
    values = pa.array(["common"] * 5 + ["rare"] + ["b", "a"] * 3)
    assert CategoricalColumn.fit("x", values, fewest=2).values == ("a", "b", "common")
    assert CategoricalColumn.fit("x", values, fewest=1, most=2).values == ("a", "common")


def test_a_column_varies_if_it_has_two_codes() -> None:
    assert not CategoricalColumn.fit("x", pa.array(["a", "a"]), fewest=1).varies
    assert not CategoricalColumn.fit("x", pa.nulls(2, pa.string()), fewest=1).varies
    assert CategoricalColumn.fit("x", pa.array(["a", "a", None]), fewest=1).varies
    assert CategoricalColumn.fit("x", pa.array(["a", "a", "once"]), fewest=2).varies
