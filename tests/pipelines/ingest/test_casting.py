"""A value means exactly the same in the new type, or it is missing there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest

from workbench.clients.schema import ColumnSchema
from workbench.schemas.casting import can_cast, cast, given

DECIMAL = {"type": "decimal", "scale": 2}


def spec_of(kind) -> ColumnSchema:
    return ColumnSchema.model_validate(kind if isinstance(kind, dict) else {"type": kind})


def casts(table_of, array, kind) -> tuple[list, list]:
    """The cast values, and whether the source had a value."""
    spec = spec_of(kind)
    column = table_of({"x": array})["x"]
    assert can_cast(column.type(), spec)
    table = column.as_table().select(value=cast(column, spec), given=given(column, spec)).to_pyarrow()
    return table["value"].to_pylist(), table["given"].to_pylist()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int64", "12", 12),
        ("int64", " -12 ", -12),
        ("int64", "+007", 7),
        ("int64", "9223372036854775807", 2**63 - 1),
        ("int64", "9223372036854775808", None),
        ("int64", "1.5", None),
        ("int64", "1.0", None),
        ("int64", "1_000", None),
        ("int64", "1,000", None),
        ("int64", "1e3", None),
        ("int64", "abc", None),
        ("int64", "0x10", None),
        ("int64", "12\n13", None),
        ("float64", "1", 1.0),
        ("float64", "-.5", -0.5),
        ("float64", "2.", 2.0),
        ("float64", " 1e-3 ", 0.001),
        ("float64", "1e308", 1e308),
        ("float64", "1e309", None),
        ("float64", "nan", None),
        ("float64", "inf", None),
        ("float64", "-Infinity", None),
        ("float64", "1,5", None),
        (DECIMAL, "12", Decimal("12.00")),
        (DECIMAL, "-12.30", Decimal("-12.30")),
        (DECIMAL, "12.3000", Decimal("12.30")),
        (DECIMAL, "12.345", None),
        (DECIMAL, "1e2", None),
        (DECIMAL, "9999999999999999.99", Decimal("9999999999999999.99")),
        (DECIMAL, "10000000000000000", None),
        ("boolean", "true", True),
        ("boolean", " F ", False),
        ("boolean", "YES", True),
        ("boolean", "0", False),
        ("boolean", "maybe", None),
        ("boolean", "2", None),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2023-02-29", None),
        ("date", "2024-2-9", None),
        ("date", "29.02.2024", None),
        ("date", "infinity", None),
        ("date", "epoch", None),
        ("date", "0000-01-01", None),
        ("date", "9999-12-31", date(9999, 12, 31)),
        ("date", "2024-02-29 00:00:00", None),
        ("timestamp", "2024-02-29", datetime(2024, 2, 29)),
        ("timestamp", "2024-02-29 10:30", datetime(2024, 2, 29, 10, 30)),
        ("timestamp", "2024-02-29T10:30:05.25Z", datetime(2024, 2, 29, 10, 30, 5, 250_000)),
        ("timestamp", "2024-02-29T10:30:00+02:00", datetime(2024, 2, 29, 8, 30)),
        ("timestamp", "2024-02-29 10:30:00-0330", datetime(2024, 2, 29, 14, 0)),
        ("timestamp", "2024-02-29 10:30:00.1234567", None),
        ("timestamp", "2024-02-29 25:00", None),
        ("timestamp", "now", None),
        ("string", " a ", " a "),
    ],
)
def test_text(table_of, kind, text, value):
    assert casts(table_of, [text], kind) == ([value], [True])


@pytest.mark.parametrize("kind", ["int64", "float64", DECIMAL, "boolean", "date", "timestamp"])
def test_blank_text_is_a_missing_value_where_no_text_is_wanted(table_of, kind):
    assert casts(table_of, ["", "  ", "\t", None], kind) == ([None] * 4, [False] * 4)


def test_blank_text_is_text(table_of):
    assert casts(table_of, ["", "  ", None], "string") == (["", "  ", None], [True, True, False])


NAN, INF = float("nan"), float("inf")
PARIS = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("array", "kind", "values"),
    [
        (pa.array([1, 2], pa.int8()), "int64", [1, 2]),
        (pa.array([2**63], pa.uint64()), "int64", [None]),
        (pa.array([1.0, 2.5, 1e300, INF]), "int64", [1, None, None, None]),
        (pa.array([Decimal("1.00"), Decimal("1.50")]), "int64", [1, None]),
        (pa.array([1.5, INF, -INF]), "float64", [1.5, None, None]),
        (pa.array([0.5], pa.float32()), "float64", [0.5]),
        (pa.array([2**53, 2**53 + 1]), "float64", [2.0**53, None]),
        (pa.array([Decimal("0.10")]), "float64", [0.1]),
        (
            pa.array([Decimal("0.10"), Decimal("99.99")], pa.decimal128(15, 2)),
            DECIMAL,
            [Decimal("0.10"), Decimal("99.99")],
        ),
        (pa.array([Decimal("0.105")]), DECIMAL, [None]),
        (pa.array([0.25, 0.125]), DECIMAL, [Decimal("0.25"), None]),
        (pa.array([1]), DECIMAL, [Decimal("1.00")]),
        (pa.array([date(2024, 1, 1)]), "timestamp", [datetime(2024, 1, 1)]),
        (pa.array([datetime(2024, 1, 1), datetime(2024, 1, 1, 12)]), "date", [date(2024, 1, 1), None]),
        (
            pa.array([datetime(2024, 1, 1, 12, tzinfo=PARIS)], pa.timestamp("us", "Europe/Paris")),
            "timestamp",
            [datetime(2024, 1, 1, 11)],
        ),
        (pa.array([1], pa.timestamp("ns")), "timestamp", [None]),
        (pa.array([True]), "string", ["true"]),
        (pa.array([7]), "string", ["7"]),
    ],
)
def test_typed_values(table_of, array, kind, values):
    assert casts(table_of, array, kind) == (values, [True] * len(values))


def test_nan_is_a_missing_value(table_of):
    assert casts(table_of, [NAN, 1.0, None], "float64") == ([None, 1.0, None], [False, True, False])
    assert casts(table_of, [NAN, 1.0, None], "int64") == ([None, 1, None], [False, True, False])


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([True]), "int64"),
        (pa.array([1]), "boolean"),
        (pa.array([1]), "date"),
        (pa.array([date(2024, 1, 1)]), "int64"),
        (pa.array([[1]]), "string"),
        (pa.array([{"a": 1}]), "string"),
        (pa.array([b"x"]), "string"),
    ],
)
def test_types_that_have_drifted_too_far(table_of, array, kind):
    assert not can_cast(table_of({"x": array})["x"].type(), spec_of(kind))


def test_the_session_is_in_utc(table_of):
    # cast() leans on it for text with an offset.
    assert casts(table_of, [datetime(2024, 7, 1, tzinfo=UTC)], "string")[0] == ["2024-07-01 00:00:00+00"]
