"""The first good row of a key stays."""

from __future__ import annotations

from pipelines.ingest.checking import kept
from pipelines.ingest.duplicates import mark_duplicates

INT = {"type": "int64"}


def reasons(checked) -> list[list[str] | None]:
    return checked["_reasons"].to_pyarrow().to_pylist()


def test_the_first_row_of_a_key_stays(check):
    checked = check({"a": [1, 1, 2, 1], "b": [1, 2, 1, 1]}, {"a": INT, "b": INT}, key=["a", "b"])
    assert reasons(checked) == [None, None, None, ["key (a, b) is a duplicate"]]


def test_a_bad_row_does_not_push_out_a_good_one(check):
    checked = check({"id": ["1", "1", "1"], "x": ["bad", "2", "3"]}, {"id": INT, "x": INT}, key=["id"])
    assert reasons(checked) == [["x is not int64"], None, ["id is a duplicate"]]


def test_keys_are_compared_as_their_type_not_as_text(check):
    assert reasons(check({"id": ["1", "01", " 1"]}, {"id": INT}, key=["id"])) == [None, *[["id is a duplicate"]] * 2]


def test_missing_values_of_a_unique_column_do_not_count(check):
    checked = check({"x": ["a", None, None, "a"]}, {"x": {"type": "string", "nullable": True, "unique": True}})
    assert reasons(checked) == [None, None, None, ["x is a duplicate"]]


def test_a_key_and_unique_columns_together(check):
    checked = check(
        {"id": [1, 2, 1, 2], "x": ["a", "a", "b", "a"]},
        {"id": INT, "x": {"type": "string", "unique": True}},
        key=["id"],
    )
    assert reasons(checked) == [
        None,
        ["x is a duplicate"],
        ["id is a duplicate"],
        ["id is a duplicate", "x is a duplicate"],
    ]


def test_the_order_of_the_source_is_kept(check):
    values = [number * 7919 % 50_000 for number in range(100_000)]
    checked = check({"x": values}, {"x": INT}, key=["x"])
    assert checked["_row"].to_pyarrow().to_pylist() == list(range(100_000))
    assert kept(checked)["x"].to_pyarrow().to_pylist() == values[:50_000]


def test_without_duplicates_nothing_is_joined_or_sorted(table_of):
    table = table_of({"x": [1, 2, None, None], "_row": [0, 1, 2, 3], "_reasons": [None, ["bad"], None, None]})
    assert mark_duplicates(table, [("x",)]) is table


def test_the_keys_are_looked_at_without_the_other_columns(table_of):
    table = table_of({"x": [1, 1, 3], "_row": [0, 1, 2], "_reasons": [None, None, ["bad"]]})
    assert mark_duplicates(table, [("x",)], table_of({"x": [1, 2]})) is table
    assert reasons(mark_duplicates(table, [("x",)], table_of({"x": [1, 1]}))) == [None, ["x is a duplicate"], ["bad"]]
