"""What changed since the last report: found, named, ranked; and silence where nothing did."""

from __future__ import annotations

import json
import math
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ReportError
from workbench.reports.changes import what_changed
from workbench.reports.compare import MOST_OF_A_TABLE, compare
from workbench.reports.numbers import as_numbers

ABOUT = {"about": {"made": "2026-03-02T08:05:00+00:00"}}
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def entries(numbers, last):
    return [
        (one["entry"], one["before"], one["now"], one["by"]) for one in compare(numbers, {**ABOUT, **last})["changes"]
    ]


def test_the_first_report_says_so() -> None:
    assert compare({"a": {"x": 1}}, None)["since"] is None
    assert "first report" in what_changed(compare({"a": {"x": 1}}, None))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True).filter(lambda name: name != "about"), values))
def test_the_same_inputs_have_not_changed(tables) -> None:
    numbers = as_numbers(tables)
    saved = {**ABOUT, **json.loads(json.dumps(numbers))}
    changes = compare(numbers, saved)
    assert changes["changes"] == []
    assert "Nothing changed: every number is as it was in the last report, of 2 March 2026, 08:05 UTC." in (
        what_changed(changes)
    )


def test_a_changed_number_is_named_with_its_place_and_by_how_much() -> None:
    last = {"metrics": {"network": {"auc": 0.8}}, "groups": [{"g": "a", "rows": 10}, {"g": "b", "rows": 10}]}
    now = {"metrics": {"network": {"auc": 0.6}}, "groups": [{"g": "b", "rows": 10}, {"g": "a", "rows": 30}]}
    assert entries(now, last) == [("network · auc", 0.8, 0.6, -0.25), ("a", 10, 30, 2.0)], (
        "rows are known by their text, not by their position"
    )
    html = what_changed(compare(now, {**ABOUT, **last}))
    assert "2 numbers or texts differ from the last report, of 2 March 2026" in html
    assert "+200 %" in html
    assert "-25 %" in html


def test_what_comes_and_what_goes_is_a_change() -> None:
    assert entries({"t": [{"g": "new", "n": 1}]}, {"t": [{"g": "old", "n": 1}]}) == [
        ("new", None, 1, None),
        ("old", 1, None, None),
    ]
    assert entries({"r": {"names": ["a", "b"]}}, {"r": {"names": ["a"]}}) == [("names", "a", "a, b", None)]
    assert entries({}, {"gone": {"x": 1}}) == [("x", 1, None, None)]


def test_the_last_digits_are_no_change() -> None:
    assert entries({"t": {"x": 0.1 + 0.2}}, {"t": {"x": 0.3}}) == []
    assert entries({"t": {"x": 0.30001}}, {"t": {"x": 0.3}}) != []


def test_many_changes_are_counted_and_the_largest_are_named() -> None:
    last = {"curve": [{"x": float(n)} for n in range(1, 40)]}
    now = {"curve": [{"x": n + 1.0} for n in range(1, 40)]}
    changes = compare(now, {**ABOUT, **last})
    assert [one["entry"] for one in changes["changes"]] == [f"row {n}" for n in range(1, MOST_OF_A_TABLE + 1)]
    assert changes["more"] == {"curve": 39 - MOST_OF_A_TABLE}
    assert "33 more in curve." in what_changed(changes)


def test_numbers_are_json_and_nothing_else() -> None:
    table = pa.table({"when": [datetime(2026, 1, 2)], "x": [math.nan], "d": [Decimal("1.5")], "i": [math.inf]})
    assert as_numbers({"t": table}) == {"t": [{"when": "2026-01-02T00:00:00", "x": None, "d": 1.5, "i": None}]}
    with pytest.raises(ReportError, match="cannot be named"):
        as_numbers({"../x": {}})
    with pytest.raises(ReportError, match="cannot be named 'about'"):
        as_numbers({"about": {}})
    with pytest.raises(ReportError, match="'t' holds a value of type bytes"):
        as_numbers({"t": {"x": b"1"}})
