"""A wide table is asked about part by part, and the answer is that of one question."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.engines import connection, fetch, write_parquet
from workbench.errors import ConfigurationError
from workbench.onboarding import look as looking
from workbench.onboarding.look import look
from workbench.schemas import infer as inferring
from workbench.schemas import wide
from workbench.schemas.wide import COLUMNS_AT_ONCE, parts

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS: dict[str, list[str | None]] = {
    "number": ["1", "2", "30"],
    "code": ["01", "02", "03"],
    "share": ["0.5", "1e3", None],
    "day": ["31/12/2024", "30/12/2024", "1/1/2025"],
    "mail": ["a@b.example", "c@d.example", None],
}


def table(folder: Path, columns: int) -> ir.Table:
    """A key, and text columns of every kind, over and over."""
    kinds = [list(KINDS)[n % len(KINDS)] for n in range(columns - 1)]
    made = {f"{kind}_{n}": pa.array(KINDS[kind]) for n, kind in enumerate(kinds)}
    pq.write_table(pa.table({"id": ["x", "y", "z"], **made}), folder / "wide.parquet")
    return connection().read_parquet(folder / "wide.parquet")


@given(st.lists(st.text(string.ascii_letters, min_size=1), max_size=200))
def test_the_parts_are_the_whole_in_its_order_and_none_is_too_wide(names: list[str]) -> None:
    found = list(parts(names))
    assert [name for some in found for name in some] == names
    assert all(0 < len(some) <= COLUMNS_AT_ONCE for some in found)


@pytest.mark.parametrize(("module", "mark"), [(inferring, "_any"), (looking, "present ")])
def test_no_query_asks_about_more_columns_than_a_part_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: Any, mark: str
) -> None:
    monkeypatch.setattr(wide, "COLUMNS_AT_ONCE", 10)
    asked: list[int] = []

    def count(expression: ir.Table) -> list[dict[str, Any]]:
        asked.append(len([name for name in expression.columns if mark in name]))
        return fetch(expression)

    monkeypatch.setattr(module, "fetch", count)
    look(table(tmp_path, 26), "acme", "people")
    assert max(asked) == 10, "what a query costs to plan grows with the square of what it asks"


@pytest.mark.parametrize("at_once", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_parts_change_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, at_once: int) -> None:
    rows = table(tmp_path, 12)
    expected = look(rows, "acme", "people", key=("id", "number_0"))
    monkeypatch.setattr(wide, "COLUMNS_AT_ONCE", at_once)
    found = look(rows, "acme", "people", key=("id", "number_0"))
    assert found == expected
    assert {name: column.spec.type for name, column in found.columns.items()} == {
        "id": "string",
        **{f"number_{n}": "int64" for n in (0, 5, 10)},
        **{f"code_{n}": "string" for n in (1, 6)},
        **{f"share_{n}": "float64" for n in (2, 7)},
        **{f"day_{n}": "date" for n in (3, 8)},
        **{f"mail_{n}": "string" for n in (4, 9)},
    }
    assert found.columns["mail_9"].personal == "an e-mail address"
    assert (found.rows, found.columns["share_7"].missing, found.columns["id"].distinct) == (3, 1, 3)


def test_a_wide_table_of_text_is_looked_at_from_a_file_that_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = table(tmp_path, 12)
    expected = look(rows, "acme", "people", key=("id", "number_0"))
    views, written = connection().list_tables(), []
    monkeypatch.setattr(looking, "COLUMNS_AT_ONCE", 5)
    monkeypatch.setattr(
        looking, "write_parquet", lambda plain, path: (written.append(path), write_parquet(plain, path))
    )
    assert look(rows, "acme", "people", key=("id", "number_0")) == expected
    with pytest.raises(ConfigurationError, match="there is no column 'nobody'"):
        look(rows, "acme", "people", key=("id", "nobody"))
    assert len(written) == 2
    assert not any(path.parent.exists() for path in written)
    assert connection().list_tables() == views
