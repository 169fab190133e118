"""`fetch`: a few rows as Python values, without pandas."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal

import ibis
import pytest

from workbench.engines import connection, fetch
from workbench.errors import DataError


def test_values_are_python_s_own_and_null_is_none() -> None:
    table = connection().sql(
        "SELECT 1::BIGINT AS a, 0.5::DOUBLE AS b, 'x' AS c, true AS d, DATE '9999-12-31' AS e, "
        "TIMESTAMP '2013-01-01 10:00:00' AS f, 1.25::DECIMAL(9, 2) AS g, NULL::INTEGER AS h"
    )
    assert fetch(table) == [
        {
            "a": 1,
            "b": 0.5,
            "c": "x",
            "d": True,
            "e": date(9999, 12, 31),
            "f": datetime(2013, 1, 1, 10),
            "g": Decimal("1.25"),
            "h": None,
        }
    ]


def test_tables_in_memory_are_known_to_the_engine() -> None:
    table = ibis.memtable({"a": [3, 1, 2]})
    assert fetch(table.order_by("a").limit(2)) == [{"a": 1}, {"a": 2}]


def test_no_row_is_no_row() -> None:
    assert fetch(connection().sql("SELECT 1 AS a WHERE false")) == []


def test_pandas_is_not_imported() -> None:
    code = (
        "import sys; from workbench.engines import connection, fetch; "
        "fetch(connection().sql('SELECT 1 AS a')); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sum_beyond_its_type_is_a_sentence() -> None:
    table = connection().sql("SELECT unnest([1.7e308, -1.7e308])::DOUBLE AS x")
    with pytest.raises(DataError, match="numbers are too large to be added up or squared .* give the columns a `max`"):
        fetch(table.aggregate(x=table.x.std()))
