"""Without a schema, types come from all of the values, and nothing can fail to cast."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest.checking import check_table, quarantined
from workbench.errors import DataError
from workbench.schemas.infer import infer_schema


def inferred(table_of, columns) -> dict[str, str]:
    table = table_of(columns)
    return {name: spec.type for name, spec in infer_schema(table, table.columns, "acme", "people").columns.items()}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", None, " 3 "], "int64"),
        (["0", "10"], "int64"),
        (["007", "010"], "string"),
        (["1", "2.5"], "float64"),
        (["1", "01.5"], "string"),
        (["1", "2", "n/a"], "string"),
        (["9223372036854775808"], "float64"),  # a power of two, and so a float to the last digit
        (["9223372036854775809"], "string"),
        (["12345678901234567890", "12345678901234567891"], "string"),
        (["1" * 50], "string"),
        (["true", "FALSE"], "boolean"),
        (["y", "n"], "string"),
        (["1", "0"], "int64"),
        (["2024-01-01"], "date"),
        (["2024-01-01", "2024-01-01T10:00:00Z"], "timestamp"),
        (["01/02/2024"], "string"),
        ([None, " ", ""], "string"),
        (["inf"], "string"),
        (pa.array([1], pa.uint8()), "int64"),
        (pa.array([1.0], pa.float32()), "float64"),
        (pa.array([Decimal("1.5")]), "decimal"),
        (pa.array([Decimal("1.5")], pa.decimal128(38, 10)), "float64"),
        (pa.array([date(2024, 1, 1)]), "date"),
        (pa.array([time(10)]), "string"),
    ],
)
def test_types(table_of, values, kind):
    assert inferred(table_of, {"x": values}) == {"x": kind}


def test_one_late_value_decides(table_of):
    assert inferred(table_of, {"x": ["1"] * 200_000 + ["one"]}) == {"x": "string"}


def test_a_column_that_has_no_place_in_a_raw_table(table_of):
    with pytest.raises(DataError) as raised:
        inferred(table_of, {"x": pa.array([{"a": 1}])})
    assert str(raised.value) == (
        "client acme, table people: column 'x' is struct<a: int64>, which has no place in a raw table. "
        "Next: have it delivered as plain columns"
    )


VALUE = st.one_of(
    st.none(),
    st.sampled_from(
        ["1", "0", "-7", "1.5", "1e5", "true", "no", "2024-01-01", "2024-01-01 10:00", "007", "", " ", "a"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
)


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(VALUE, min_size=3, max_size=3), min_size=1, max_size=8))
def test_nothing_of_an_inferred_table_goes_to_quarantine(table_of, columns):
    table = table_of({f"c{number}": pa.array(values, pa.string()) for number, values in enumerate(columns)})
    checked = check_table(table, infer_schema(table, table.columns, "acme", "people"))
    assert quarantined(checked).to_pyarrow().to_pylist() == []
