"""pandera and the quarantine are two readings of one schema, and they agree."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.ingest.checking import check_table, kept, quarantined
from pipelines.ingest.judge import judge
from workbench.clients import TableSchema
from workbench.engines import connection, write_parquet
from workbench.errors import DataError
from workbench.schemas import wide

COLUMNS = {
    "id": {"type": "int64", "min": 1, "max": 5},
    "part": {"type": "int64", "isin": [1, 2]},
    "price": {"type": "decimal", "scale": 1, "nullable": True, "min": 0},
    "rate": {"type": "float64", "nullable": True, "max": 0.5},
    "code": {"type": "string", "pattern": "[ab]{1,2}"},
    "tag": {"type": "string", "nullable": True, "unique": True},
    "day": {"type": "date", "min": "2024-01-01", "max": "2024-01-03"},
    "at": {"type": "timestamp", "nullable": True, "min": "2024-01-01"},
    "flag": {"type": "boolean"},
}
SCHEMA = TableSchema.model_validate({"columns": COLUMNS, "key": ["id", "part"]})
TEXT = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", " 3", "04", "5", "6", "x", None]),
        "part": st.sampled_from(["1", "2", "2", "3", ""]),
        "price": st.sampled_from(["0", "1.5", "1.50", "1.55", "-1", "a", None]),
        "rate": st.sampled_from(["0.5", "0.51", "1e-9", "inf", "nan", " ", None]),
        "code": st.sampled_from(["a", "ab", "abc", "", "b\n", "a\0", None]),
        "tag": st.sampled_from(["t", "u", "v", "t ", None, None]),
        "day": st.sampled_from(["2024-01-01", "2024-01-03", "2024-01-04", "01/02/2024", None]),
        "at": st.sampled_from(["2024-01-01T00:00:00Z", "2024-01-01 00:30+01:00", "2024-01-02", "soon", None]),
        "flag": st.sampled_from(["true", "0", "perhaps", None]),
    }
)
MANY = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


NUMBERS = count()


def table_of_rows(rows: list[dict], folder: Path, schema: pa.Schema | None = None) -> Any:
    path = folder / f"{next(NUMBERS)}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return connection().read_parquet(path)


@MANY
@given(st.lists(TEXT, min_size=20, max_size=60))
def test_no_row_is_lost_and_pandera_accepts_what_is_kept(tmp_path, rows):
    table = table_of_rows(rows, tmp_path, pa.schema([(name, pa.string()) for name in COLUMNS]))
    path = tmp_path / f"{next(NUMBERS)}.parquet"
    write_parquet(check_table(table, SCHEMA), path)
    checked = connection().read_parquet(path)
    good, bad = kept(checked).to_pyarrow(), quarantined(checked).to_pyarrow()
    assert len(good) + len(bad) == len(rows)
    # Quarantine holds rows as they came, in their order, each with a reason.
    assert all(reasons for reasons in bad["_reasons"].to_pylist())
    remaining = iter(rows)
    assert all(row in remaining for row in bad.drop_columns("_reasons").to_pylist())
    if len(good):
        judge(kept(checked), SCHEMA, "acme", "people")


TYPED = {
    "id": ("int64", [1, 2, 3, 4, 5, 6, None]),
    "part": ("int64", [1, 2, 2, 3, None]),
    "price": ("decimal(18, 1)", ["0.0", "1.5", "-0.1", None]),
    "rate": ("float64", [0.5, 0.25, 0.75, float("inf"), float("-inf"), None]),
    "code": ("string", ["a", "ab", "abc", "", "b\n", "a\0", None]),
    "tag": ("string", ["t", "u", "v", "w", "x\0", None, None]),
    "day": ("date", ["2024-01-01", "2024-01-03", "2024-01-04", None]),
    "at": ("timestamp(6)", ["2024-01-01", "2023-12-31", None]),
    "flag": ("boolean", [True, False, None]),
}
TYPES = {name: kind for name, (kind, _) in TYPED.items()}


@settings(MANY, max_examples=15)
@given(st.data(), st.sampled_from([(name,) for name in COLUMNS] + [("id", "part")]))
def test_pandera_refuses_exactly_what_the_quarantine_does(tmp_path, data, names):
    """Values that are of the right types already, so that pandera can be shown all of them."""
    row = st.fixed_dictionaries({name: st.sampled_from(TYPED[name][1]) for name in names})
    rows = data.draw(st.lists(row, min_size=1, max_size=3))
    key = names if len(names) > 1 else ()
    schema = TableSchema.model_validate({"columns": {name: COLUMNS[name] for name in names}, "key": key})
    table = table_of_rows(rows, tmp_path).cast({name: TYPES[name] for name in names})
    accepted = True
    try:
        judge(table, schema, "acme", "people")
    except DataError:
        accepted = False
    assert accepted == (quarantined(check_table(table, schema)).count().to_pyarrow().as_py() == 0)


GOOD = {
    "id": 1,
    "part": 1,
    "price": "1.0",
    "rate": 0.5,
    "code": "a",
    "tag": "t",
    "day": "2024-01-01",
    "at": "2024-01-01",
    "flag": True,
}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"id": 0}, "id: in_range"),
        ({"id": 6}, "id: in_range"),
        ({"price": "-0.1"}, "price: greater_than_or_equal_to"),
        ({"rate": 0.6}, "rate: less_than_or_equal_to"),
        ({"part": 3}, "part: isin"),
        ({"code": "c"}, "code: str_matches"),
        ({"tag": "t\0"}, "tag: no NUL byte"),
        ({"flag": None}, "flag: not_nullable"),
        ({"rate": float("-inf")}, "rate: finite"),
    ],
)
def test_each_check_reaches_pandera(tmp_path, change, found):
    table = table_of_rows([GOOD | change], tmp_path).cast(TYPES)
    with pytest.raises(DataError) as raised:
        judge(table, SCHEMA, "acme", "people")
    assert str(raised.value) == (
        f"client acme, table people: pandera refuses what the quarantine let pass: {found}. Next: raw was left as it "
        "was; this is a fault in pipelines/ingest, please report it with the schema"
    )


def test_pandera_knows_types_keys_and_columns(table_of):
    schema = TableSchema.model_validate(
        {"columns": {"a": {"type": "int64"}, "b": {"type": "string", "unique": True}}, "key": ["a"]}
    )
    for columns, found in (
        ({"a": ["1"], "b": ["x"]}, r"a: dtype\('int64'\)"),
        ({"a": [1]}, "people: column_in_dataframe"),
        ({"a": [1], "b": ["x"], "c": [1]}, "people: column_in_schema"),
        ({"b": ["x"], "a": [1]}, "people: column_ordered"),
        ({"a": [1, 1], "b": ["x", "y"]}, "people: multiple_fields_uniqueness"),
        ({"a": [1, 2], "b": ["x", "x"]}, "b: unique"),
    ):
        with pytest.raises(DataError, match=found):
            judge(table_of(columns), schema, "acme", "people")


def test_a_message_holds_no_value_of_a_row(table_of):
    schema = TableSchema.model_validate({"columns": {"name": {"type": "string", "isin": ["x"], "unique": True}}})
    with pytest.raises(DataError) as raised:
        judge(table_of({"name": ["Ada Lovelace", "Ada Lovelace"]}), schema, "acme", "people")
    assert not re.search("Ada|Lovelace", str(raised.value))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, ""),
        ({"rate": 0.6, "flag": None}, "rate: less_than_or_equal_to; flag: not_nullable"),
        ({"tag": "t\0"}, "tag: no NUL byte"),
    ],
)
def test_a_wide_table_is_judged_by_parts_and_nothing_is_overlooked(tmp_path, monkeypatch, change, found):
    monkeypatch.setattr(wide, "COLUMNS_AT_ONCE", 2)
    monkeypatch.setattr("pipelines.ingest.judge.COLUMNS_AT_ONCE", 2)
    table = table_of_rows([GOOD | change], tmp_path).cast(TYPES)
    views = connection().list_tables()
    if found:
        with pytest.raises(DataError, match=f"let pass: {re.escape(found)}. Next"):
            judge(table, SCHEMA, "acme", "people")
    else:
        judge(table, SCHEMA, "acme", "people")
    assert connection().list_tables() == views, "a view of it stays"


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"a": ["1"], "b": ["x"], "c": [1]}, r"a: dtype\('int64'\)"),
        ({"a": [1], "c": [1]}, "people: column_in_dataframe"),
        ({"a": [1], "b": ["x"], "c": [1], "d": [1]}, "people: column_in_schema"),
        ({"b": ["x"], "a": [1], "c": [1]}, "people: column_ordered"),
        ({"a": [1, 1], "b": ["x", "y"], "c": [1, 1]}, "people: multiple_fields_uniqueness"),
    ],
)
def test_of_a_wide_table_the_whole_counts_too(table_of, monkeypatch, columns, found):
    monkeypatch.setattr(wide, "COLUMNS_AT_ONCE", 1)
    monkeypatch.setattr("pipelines.ingest.judge.COLUMNS_AT_ONCE", 1)
    kinds = {"a": {"type": "int64"}, "b": {"type": "string"}, "c": {"type": "int64"}}
    schema = TableSchema.model_validate({"columns": kinds, "key": ["a", "c"]})
    with pytest.raises(DataError, match=found):
        judge(table_of(columns), schema, "acme", "people")
