"""What changed since the last report: found, named, ranked; and silence where nothing did."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
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


@settings(max_examples=30)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True).filter(lambda name: name != "about"), values))
def test_the_same_inputs_have_not_changed(tables) -> None:
    numbers = as_numbers(tables)
    saved = {**ABOUT, **json.loads(json.dumps(numbers))}
    changes = compare(numbers, saved)
    assert changes["changes"] == []
    html = what_changed(changes)
    assert "✓ Nothing changed" in html
    assert "Every number is as it was in the last report, of 2 March 2026, 08:05 UTC." in html


def test_a_changed_number_is_named_with_its_place_and_by_how_much() -> None:
    last = {"metrics": {"network": {"auc": 0.8}}, "groups": [{"g": "a", "rows": 10}, {"g": "b", "rows": 10}]}
    now = {"metrics": {"network": {"auc": 0.6}}, "groups": [{"g": "b", "rows": 10}, {"g": "a", "rows": 30}]}
    assert entries(now, last) == [("network · auc", 0.8, 0.6, -0.25), ("a", 10, 30, 2.0)], (
        "rows are known by their text, not by their position"
    )
    html = what_changed(compare(now, {**ABOUT, **last}))
    assert "2 things differ from the last report, of 2 March 2026" in html
    assert "▲ +200 %" in html
    assert "▼ −25 %" in html


def test_what_was_nothing_before_changes_by_an_amount() -> None:
    html = what_changed(compare({"t": {"x": 5}}, {**ABOUT, "t": {"x": 0}}))
    assert "▲ +5.00" in html


def test_what_of_a_row_differs_is_never_cut_off() -> None:
    """A question has a state and an answer; both are lines of the same row."""
    last = {"checks": [{"check": "Is it " + "very " * 20 + "well?", "state": "good", "answer": "Yes."}]}
    now = {"checks": [last["checks"][0] | {"state": "bad", "answer": "No."}]}
    html = what_changed(compare(now, ABOUT | last), most=1)
    assert re.search(r"Is it very .*… · (state|answer)<", html)
    assert "One more is in the tables beside this page." in html


def test_the_state_of_a_question_changes_as_it_stands_on_the_page() -> None:
    last = {"executive_checks": [{"check": "Is it well?", "state": "watch", "answer": "Nearly."}]}
    now = {"executive_checks": [{"check": "Is it well?", "state": "bad", "answer": "No."}]}
    html = what_changed(compare(now, ABOUT | last)).replace("\N{NO-BREAK SPACE}", " ")
    assert "! look" in html
    assert "✗ act" in html
    assert "Nearly." in html


def test_a_number_and_a_text_of_any_length_are_shown_as_a_reader_has_them() -> None:
    last = {"t": {"day": "2026-01-31", "good": True, "none": 1, "text": "x" * 120}}
    html = what_changed(compare({"t": {"day": "2026-02-28", "good": False, "none": None, "text": "y"}}, ABOUT | last))
    for shown in ("28 Feb 2026", "31 Jan 2026", ">yes<", ">no<", "—", "x" * 99 + "…"):
        assert shown in html, shown


def test_what_comes_first_is_said_only_of_several_changes() -> None:
    last = {"t": {"x": 1, "y": 1}}
    assert "come first" not in what_changed(compare({"t": {"x": 2, "y": 1}}, ABOUT | last))
    assert "come first" in what_changed(compare({"t": {"x": 2, "y": 3}}, ABOUT | last))


def came_and_went(numbers, last):
    changes = compare(numbers, {**ABOUT, **last})
    return [[(one["table"], one["entry"]) for one in changes[kind]] for kind in ("new", "gone")]


def test_rows_that_come_and_go_are_named_once_each() -> None:
    last = {"t": [{"g": "kept", "n": 1, "m": 1}, {"g": "old", "n": 1, "m": 2}], "left": {"x": 1}}
    now = {"t": [{"g": "new", "n": 1, "m": 3}, {"g": "kept", "n": 2, "m": 1}], "came": [{"g": "a", "n": 1}]}
    assert came_and_went(now, last) == [[("t", "new"), ("came", "a")], [("t", "old"), ("left", "")]]
    assert entries(now, last) == [("kept · n", 1, 2, 1.0)]
    html = what_changed(compare(now, {**ABOUT, **last}))
    assert "5 things differ" in html
    assert "<dt>New</dt><dd>new (t); a (came)</dd>" in html
    assert "<dt>No longer there</dt><dd>old (t); left</dd>" in html


def test_rows_are_known_by_what_tells_them_apart_in_both_reports() -> None:
    last = {"t": [{"g": "a", "h": "x", "n": 1}]}
    now = {"t": [{"g": "a", "h": "x", "n": 1}, {"g": "a", "h": "y", "n": 2}]}
    assert came_and_went(now, last) == [[("t", "a, y")], []], "one text is enough for the old row, not for the new ones"


def test_a_table_without_a_row_that_has_one_now() -> None:
    assert came_and_went({"t": [{"g": "a", "n": 1}]}, {"t": []}) == [[("t", "a")], []]
    assert came_and_went({"t": []}, {"t": [{"g": "a", "n": 1}]}) == [[], [("t", "a")]]


def test_a_list_and_a_single_value_change() -> None:
    assert entries({"r": {"names": ["a", "b"]}}, {"r": {"names": ["a"]}}) == [("names", "a", "a, b", None)]
    assert entries({"r": {"x": 1}}, {"r": {}}) == [("x", None, 1, None)]


def test_the_last_digits_are_no_change() -> None:
    assert entries({"t": {"x": 0.1 + 0.2}}, {"t": {"x": 0.3}}) == []
    assert entries({"t": {"x": 0.30001}}, {"t": {"x": 0.3}}) != []


def test_many_changes_are_counted_and_the_largest_are_named() -> None:
    last = {"curve": [{"x": float(n)} for n in range(1, 40)]}
    now = {"curve": [{"x": n + 1.0} for n in range(1, 40)]}
    changes = compare(now, {**ABOUT, **last})
    assert [one["entry"] for one in changes["changes"]] == [f"row {n}" for n in range(1, MOST_OF_A_TABLE + 1)]
    assert changes["more"] == {"curve": 39 - MOST_OF_A_TABLE}
    assert "More that differs, by table: curve: 33." in what_changed(changes)
    assert "36 more are in the tables beside this page." in what_changed(changes, most=3)


def test_numbers_are_json_and_nothing_else() -> None:
    table = pa.table({"when": [datetime(2026, 1, 2)], "x": [math.nan], "d": [Decimal("1.5")], "i": [math.inf]})
    assert as_numbers({"t": table}) == {"t": [{"when": "2026-01-02T00:00:00", "x": None, "d": 1.5, "i": None}]}
    with pytest.raises(ReportError, match="cannot be named"):
        as_numbers({"../x": {}})
    for name in ("about", "compared_with"):
        with pytest.raises(ReportError, match=f"cannot be named '{name}'"):
            as_numbers({name: {}})
    with pytest.raises(ReportError, match="'t' holds a value of type bytes"):
        as_numbers({"t": {"x": b"1"}})
