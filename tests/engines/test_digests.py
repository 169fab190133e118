"""Every engine computes the same digest of the same rows, and another one of others."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.engines import warehouse_of
from workbench.engines.digests import digest_sql
from workbench.engines.duckdb import digest_of_file

SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "small": pa.int8(),
        "yes": pa.bool_(),
        "text": pa.string(),
        "x": pa.float64(),
        "y": pa.float32(),
        "money": pa.decimal128(18, 2),
        "day": pa.date32(),
        "at": pa.timestamp("us"),
    }
)
ROW = (7, -3, True, "Zürich ';", 0.1, 0.25, Decimal("-0.01"), date(2024, 2, 29), datetime(1969, 12, 31, 23, 59, 59, 1))
OTHERS = {
    "id": 8,
    "small": None,
    "yes": False,
    "text": "Zürich ';;",
    "x": math.nextafter(0.1, 1),
    "y": -0.25,
    "money": Decimal("0.01"),
    "day": date(2024, 3, 1),
    "at": datetime(1969, 12, 31, 23, 59, 59, 2),
}
EDGES = [
    ROW,
    (None,) * 9,
    (-(2**63), 127, None, "", -0.0, 1e-10, Decimal("9999999999999999.99"), date(1, 1, 1), datetime(1, 1, 1)),
    (2**63 - 1, -128, False, "-", float("nan"), float("inf"), Decimal("0.00"), date(9999, 12, 31), None),
    (0, 0, True, "-;", float("-inf"), 2.0**60, Decimal("0.50"), None, datetime(9999, 12, 31, 23, 59, 59, 999999)),
    (1, 1, None, "1:x", 4.6e18, 1.0, Decimal("-1.50"), None, None),
    (1, 1, None, None, math.pi * 2.0**-60, 2.0**-100, None, None, datetime(2013, 1, 1, 5)),
]


def table(rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(list(column), kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], SCHEMA)


def of(rows: pa.Table, folder: Path) -> Any:
    pq.write_table(rows, folder / "rows.parquet")
    return digest_of_file(folder / "rows.parquet", rows.schema)


def check_digests(acme: Any, engine: dict[str, Any], folder: Path) -> None:
    acme.engine(**engine)
    warehouse = warehouse_of(acme.project, "acme")
    assert warehouse is not None
    found = {}
    for number, rows in enumerate([EDGES, EDGES[::-1], [ROW], [ROW, ROW], []]):
        whole = table(rows) if rows else SCHEMA.empty_table()
        warehouse.load(f"raw_{number}", whole.to_reader())
        found[number] = warehouse.digest(f"raw_{number}", SCHEMA)
        assert found[number] == of(whole, folder), number
        assert found[number].rows == len(rows)
    assert found[0] == found[1]
    assert len({found[number].digest for number in (0, 2, 3, 4)}) == 4
    for name, value in OTHERS.items():
        changed = table([tuple(value if one == name else mine for one, mine in zip(SCHEMA.names, ROW, strict=True))])
        warehouse.load("raw_other", changed.to_reader())
        other = warehouse.digest("raw_other", SCHEMA)
        assert other is not None
        assert other != found[2], name
    # What no digest is exact for has none.
    for beyond in (2.0**62, math.pi * 2.0**-80):
        rows = pa.table({"x": [0.5, beyond]})
        warehouse.load("raw_beyond", rows.to_reader())
        assert warehouse.digest("raw_beyond", rows.schema) is None, beyond
        assert of(rows, folder) is None


@pytest.mark.integration
def test_of_postgres(acme: Any, postgres: dict[str, Any], tmp_path: Path) -> None:
    check_digests(acme, {**postgres, "namespace": "digests_of_acme"}, tmp_path)


@pytest.mark.integration
def test_of_bigquery(acme: Any, in_bigquery: dict[str, Any], tmp_path: Path) -> None:
    check_digests(acme, {**in_bigquery, "namespace": "digests_of_acme"}, tmp_path)


@pytest.mark.spark
def test_of_spark(acme: Any, spark: dict[str, Any], tmp_path: Path) -> None:
    check_digests(acme, {**spark, "namespace": "digests_of_acme"}, tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_subnormal=True), min_size=1, max_size=4), st.data())
def test_one_fraction_that_is_another_is_another_digest(values: list[float], data: st.DataObject) -> None:
    from workbench.engines import connection
    from workbench.engines.digests import read_digest

    place = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.floats(allow_subnormal=True))
    changed = [*values[:place], other, *values[place + 1 :]]

    def digest(numbers: list[float]) -> Any:
        sql = digest_sql("duckdb", "rows", pa.schema({"x": pa.float64()}))
        assert sql is not None
        con = connection().con
        con.register("rows", pa.table({"x": pa.array(numbers, pa.float64())}))
        return read_digest(con.execute(sql).fetchall()[0])

    one, two = digest(values), digest(changed)
    same = values[place] == other or (math.isnan(values[place]) and math.isnan(other))
    if one is not None and two is not None:
        assert (one == two) is same


def test_columns_of_other_kinds_have_none() -> None:
    assert digest_sql("duckdb", "t", pa.schema({"a": pa.int64(), "b": pa.list_(pa.int64())})) is None
    assert digest_sql("duckdb", "t", pa.schema([])) is None
