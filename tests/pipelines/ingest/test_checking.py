"""Every rule of the schema has its sentence, and a bad row is kept as it came."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.ingest.checking import check_table, kept, quarantined
from workbench.clients import TableSchema
from workbench.sources import LINE, PROBLEM


def reasons(checked) -> list[list[str] | None]:
    return checked.order_by("_row")["_reasons"].to_pyarrow().to_pylist()


@pytest.mark.parametrize(
    ("spec", "values", "expected"),
    [
        ({"type": "int64"}, ["1", "abc"], [None, ["x is not int64"]]),
        ({"type": "float64"}, ["1", "1e999"], [None, ["x is not a finite float64"]]),
        ({"type": "date"}, ["2024-01-01", "1.1.2024"], [None, ["x is not date"]]),
        ({"type": "int64"}, ["1", None, " "], [None, ["x is missing"], ["x is missing"]]),
        ({"type": "int64", "nullable": True}, ["1", None, " "], [None, None, None]),
        ({"type": "int64", "nullable": True}, ["1", "abc"], [None, ["x is not int64"]]),
        (
            {"type": "int64", "min": 0, "max": 9},
            ["0", "9", "-1", "10"],
            [None, None, ["x is below 0"], ["x is above 9"]],
        ),
        ({"type": "date", "min": date(2024, 1, 1)}, ["2024-01-01", "2023-12-31"], [None, ["x is below 2024-01-01"]]),
        (
            {"type": "timestamp", "max": "2024-01-01T12:00:00+01:00"},
            ["2024-01-01T11:00:00Z", "2024-01-01T11:00:01Z"],
            [None, ["x is above 2024-01-01 11:00:00"]],
        ),
        ({"type": "decimal", "scale": 2, "max": 0.1}, ["0.10", "0.11"], [None, ["x is above 0.1"]]),
        ({"type": "string", "isin": ["a", "b"]}, ["a", "c"], [None, ["x is not one of a, b"]]),
        (
            {"type": "int64", "isin": list(range(20))},
            ["1", "20"],
            [None, ["x is not one of 0, 1, 2, 3, 4, 5, 6, 7, …"]],
        ),
        (
            {"type": "string", "pattern": "a|b+"},
            ["a", "bb", "ab", "xa"],
            [None, None, *[["x does not match a|b+"]] * 2],
        ),
        ({"type": "string", "pattern": "a"}, ["a", "a\n"], [None, ["x does not match a"]]),
        ({"type": "string"}, ["a", "a\0"], [None, ["x holds a NUL byte"]]),
        ({"type": "string", "nullable": True, "pattern": "a", "isin": ["a"]}, [None, "a"], [None, None]),
    ],
)
def test_each_rule_has_its_sentence(check, spec, values, expected):
    assert reasons(check({"x": values}, {"x": spec})) == expected


def test_a_row_has_all_of_its_reasons_in_the_order_of_the_schema(check):
    checked = check(
        {"b": ["z", "a"], "a": ["-1", "1"]},
        {"a": {"type": "int64", "min": 0}, "b": {"type": "string", "isin": ["a"], "pattern": "[a-c]"}},
    )
    assert reasons(checked) == [["a is below 0", "b is not one of a", "b does not match [a-c]"], None]


def test_quarantine_has_the_source_and_raw_the_schema(check):
    checked = check(
        {"extra": ["e", "f", "g"], "n": ["x", "2", " 3 "]},
        {"n": {"type": "int64"}},
        strict=False,
    )
    assert quarantined(checked).to_pyarrow().to_pylist() == [{"extra": "e", "n": "x", "_reasons": ["n is not int64"]}]
    assert kept(checked).to_pyarrow().to_pylist() == [{"n": 2}, {"n": 3}]
    assert list(kept(checked).columns) == ["n"]


def test_columns_come_in_the_order_of_the_schema(check):
    checked = check({"b": ["1"], "a": ["2"]}, {"a": {"type": "int64"}, "b": {"type": "int64"}})
    assert list(kept(checked).columns) == ["a", "b"]


def test_a_line_that_is_no_row_is_told_once_and_kept_as_it_stands(check):
    columns = {"n": ["1", None], PROBLEM: [None, "line has too few values"], LINE: [None, "2"]}
    checked = check(columns, {"n": {"type": "int64"}}, strict=False)
    assert quarantined(checked).to_pyarrow().to_pylist() == [
        {"n": None, "_line": "2", "_reasons": ["line has too few values"]}
    ]
    assert kept(checked).to_pyarrow().to_pylist() == [{"n": 1}]


def test_hostile_column_names(check):
    names = ["select", "a'b", '"x"', "}); drop table t; --"]
    checked = check({name: ["1", "x"] for name in names}, {name: {"type": "int64"} for name in names}, key=names[:2])
    assert reasons(checked) == [None, [f"{name} is not int64" for name in names]]


def test_a_wide_table(table_of):
    # The query for it is deep; neither Python nor the engine may run out of stack.
    names = [f"c{number}" for number in range(150)]
    schema = TableSchema.model_validate({"columns": {n: {"type": "float64", "min": 0, "max": 1} for n in names}})
    checked = check_table(table_of({name: ["0.5", "2"] for name in names}), schema)
    assert [len(found or []) for found in reasons(checked)] == [0, 150]
