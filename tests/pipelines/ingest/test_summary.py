"""What the summary says, and what it must not say."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from pipelines.ingest.summary import summarise
from workbench.schemas import distinct

INT = {"type": "int64"}


def test_counts_and_reasons_most_frequent_first(check):
    summary = summarise(check({"a": ["x", "y", "1", "2"], "b": ["1", "", "", "2"]}, {"a": INT, "b": INT}), ())
    assert {key: summary[key] for key in ("read", "kept", "quarantined", "quarantined_share", "reasons")} == {
        "read": 4,
        "kept": 1,
        "quarantined": 3,
        "quarantined_share": 0.75,
        "reasons": {"a is not int64": 2, "b is missing": 2},
    }
    assert list(summary["reasons"]) == ["a is not int64", "b is missing"]


@pytest.mark.parametrize(
    ("array", "spec", "profile"),
    [
        (pa.array([1, 2, 2, None]), INT, {"min": 1, "max": 2, "mean": 1.66667, "distinct": 2, "null_share": 0.25}),
        (pa.array([0.1, 0.2]), {"type": "float64"}, {"min": 0.1, "max": 0.2, "mean": 0.15}),
        (pa.array([Decimal("1.50")]), {"type": "decimal", "scale": 2}, {"min": 1.5, "max": 1.5, "mean": 1.5}),
        (pa.array(["b", "a"]), {"type": "string"}, {"min": "a", "max": "b", "mean": None, "distinct": 2}),
        (pa.array(["é" * 200]), {"type": "string"}, {"min": "é" * 80 + "…"}),
        (pa.array([True]), {"type": "boolean"}, {"min": None, "max": None, "mean": None, "distinct": 1}),
        (pa.array([date(2024, 1, 2)]), {"type": "date"}, {"min": "2024-01-02", "mean": None}),
        (
            pa.array([datetime(2024, 1, 2, 3)]),
            {"type": "timestamp"},
            {"max": "2024-01-02T03:00:00"},
        ),
        (pa.array([None, None], pa.int64()), INT, {"min": None, "mean": None, "distinct": 0, "null_share": 1.0}),
    ],
)
def test_profile(check, array, spec, profile):
    summary = summarise(check({"x": array}, {"x": spec | {"nullable": True}}), ())
    found = summary["columns"]["x"]
    assert list(found) == ["type", "null_share", "distinct", "min", "max", "mean"]
    assert found | profile == found
    assert found["type"] == spec["type"]
    json.dumps(summary, allow_nan=False)


def test_in_a_small_table_different_values_are_counted_one_by_one(check):
    words = [f"carrier {number}" for number in range(300)] * 2
    assert summarise(check({"x": words}, {"x": {"type": "string"}}), ())["columns"]["x"]["distinct"] == 300


def test_in_a_large_table_they_are_estimated_and_never_more_than_there_can_be(check, monkeypatch):
    monkeypatch.setattr(distinct, "EXACT_ROWS", 10)
    text = {
        "a": [str(number % 1000 + 1) for number in range(4000)],
        "b": [f"b{number % 300}" for number in range(4000)],
    }
    columns = summarise(check(text, {"a": INT, "b": {"type": "string"}}), ())["columns"]
    assert columns["a"]["distinct"] <= 1000
    assert 200 < columns["b"]["distinct"] < 400


@pytest.mark.parametrize(
    ("estimate", "kind", "values", "low", "high", "expected"),
    [
        (13, "int64", 336_776, 1, 12, 12),
        (1_232, "int64", 80_000, 1, 1000, 1000),
        (13, "int64", 336_776, None, None, 13),  # personal
        (13, "float64", 336_776, 1.0, 12.0, 13),
        (13, "string", 12, "a", "m", 12),
        (None, "string", 0, None, None, 0),
        (2, "int64", 9, -(2**63), 2**63 - 1, 2),
    ],
)
def test_bounds(estimate, kind, values, low, high, expected):
    assert distinct.bounded(estimate, kind, values, low, high) == expected


def test_the_profile_is_of_what_was_kept(check):
    summary = summarise(check({"x": ["1", "99"]}, {"x": INT | {"max": 9}}), ())
    assert summary["columns"]["x"]["max"] == 1


def test_nothing_kept(check):
    summary = summarise(check({"x": ["a"]}, {"x": INT}), ())
    assert summary["columns"]["x"]["null_share"] == 0.0
    json.dumps(summary, allow_nan=False)


def test_no_value_of_a_personal_column_is_shown(check):
    columns = {"name": ["Ada Lovelace", "Alan Turing", "?"], "age": ["36", "41", "old"]}
    spec = {"name": {"type": "string", "pattern": ".* .*"}, "age": INT}
    summary = summarise(check(columns, spec), ("name", "age"))
    text = json.dumps(summary)
    assert not [value for values in columns.values() for value in values if value in text]
    assert summary["columns"]["name"] == {
        "type": "string",
        "null_share": 0.0,
        "distinct": 2,
        "min": None,
        "max": None,
        "mean": None,
    }
