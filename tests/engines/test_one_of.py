"""One of some values, asked of an array: the answer of a list, and no join."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pytest

from workbench.schemas.wide import is_one_of

MANY = [f"v{number}" for number in range(40)]


@pytest.mark.parametrize(
    ("values", "allowed", "answers"),
    [
        (["a", "b", None, "A"], ["a"], [True, False, False, False]),
        (["it's", 'q"', "x\\y", "", "%"], ["it's", "x\\y", ""], [True, False, True, True, False]),
        ([1, 2, None, -3], [-3, 1], [True, False, False, True]),
        ([2**62, 0, None], [2**62], [True, False, False]),
    ],
)
def test_it_is_one_of_them(values: list[Any], allowed: list[Any], answers: list[bool]) -> None:
    table = ibis.memtable(pa.table({"x": values}))
    assert table.select(found=is_one_of(table.x, allowed)).to_pyarrow()["found"].to_pylist() == answers


def test_the_engine_makes_no_join_of_it() -> None:
    """A join for each column carries all columns along: the square of a wide table."""
    backend = ibis.duckdb.connect()
    table = backend.create_table("rows", pa.table({"x": ["a", "v3"], "y": [1, 2]}))

    def plan(expression: Any) -> str:
        sql = backend.compile(table.select(found=expression))
        return str(backend.raw_sql(f"EXPLAIN {sql}").fetchall())

    try:
        assert "JOIN" in plan(table.x.isin(MANY)), "DuckDB no longer does it, and an ordinary `isin` would do"
        assert "JOIN" not in plan(is_one_of(table.x, MANY))
        assert "JOIN" not in plan(is_one_of(table.y, list(range(40))))
    finally:
        backend.disconnect()
