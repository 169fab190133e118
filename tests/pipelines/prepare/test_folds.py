from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.prepare.folds import NAMES, Cuts, cuts_by_counting, cuts_by_time, fold_of
from workbench.clients import Client

quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
START = datetime(2024, 1, 1)


def folds(client: Client, rows: ir.Table) -> list[dict[str, Any]]:
    cuts = None
    if client.split.by == "time":
        time = rows[client.time_column]
        cuts = Cuts(**rows.aggregate(**cuts_by_time(client, time, where=time.notnull())).to_pyarrow().to_pylist()[0])
    return rows.mutate(fold=fold_of(client, rows, cuts)).order_by("id").to_pyarrow().to_pylist()


@quick
@given(
    minutes=st.lists(st.integers(0, 300), min_size=1, max_size=200),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
)
def test_by_time_no_row_is_earlier_than_one_of_an_earlier_fold(
    table: Callable[..., ir.Table],
    make_client: Callable[..., Client],
    minutes: list[int],
    validation: float,
    test: float,
) -> None:
    client = make_client(time_column="at", split={"by": "time", "validation": validation, "test": test})
    at = [START + timedelta(minutes=m) for m in minutes]
    rows = folds(client, table({"id": list(range(len(at))), "at": at}))
    times = {name: [row["at"] for row in rows if row["fold"] == name] for name in NAMES}
    assert sum(map(len, times.values())) == len(minutes)
    latest = START - timedelta(days=1)
    for name in NAMES:
        if times[name]:
            # Strictly: rows of one moment are never on both sides.
            assert min(times[name]) > latest, name
            latest = max(times[name])


@quick
@given(count=st.integers(100, 400), validation=st.floats(0.1, 0.4), test=st.floats(0.1, 0.4))
def test_by_time_the_shares_are_exact_when_no_two_rows_share_a_moment(
    table: Callable[..., ir.Table], make_client: Callable[..., Client], count: int, validation: float, test: float
) -> None:
    client = make_client(time_column="at", split={"by": "time", "validation": validation, "test": test})
    at = [START + timedelta(minutes=m) for m in range(count)]
    rows = folds(client, table({"id": list(range(count)), "at": at}))
    found = {name: sum(row["fold"] == name for row in rows) for name in NAMES}
    assert abs(found["validation"] - validation * count) <= 1
    assert abs(found["test"] - test * count) <= 1


@quick
@given(
    keys=st.sets(st.tuples(st.integers(-(2**40), 2**40), st.text(max_size=8)), min_size=1, max_size=60),
    more=st.integers(1, 30),
)
def test_by_key_a_row_keeps_its_fold_whatever_else_is_in_the_table(
    table: Callable[..., ir.Table], make_client: Callable[..., Client], keys: set[tuple[int, str]], more: int
) -> None:
    client = make_client(key=["id", "part"])
    ordered = sorted(keys)
    few = table({"id": [k[0] for k in ordered], "part": [k[1] for k in ordered]})
    fold_of_key = {(row["id"], row["part"]): row["fold"] for row in folds(client, few)}
    added = [*ordered, *((2**50 + n, "new") for n in range(more))]
    many = table({"id": [k[0] for k in added][::-1], "part": [k[1] for k in added][::-1]})
    again = {(row["id"], row["part"]): row["fold"] for row in folds(client, many)}
    assert {key: again[key] for key in fold_of_key} == fold_of_key


def test_by_key_the_hash_is_md5_of_the_text_so_that_any_engine_agrees(
    table: Callable[..., ir.Table], make_client: Callable[..., Client]
) -> None:
    client = make_client(key=["id", "part"], split={"validation": 0.25, "test": 0.25})
    rows = folds(client, table({"id": list(range(200)), "part": [str(n % 7) for n in range(200)]}))
    for row in rows:
        share = int(hashlib.md5(f"{row['id']}\x1f{row['part']}".encode()).hexdigest()[:8], 16) / 16**8
        assert row["fold"] == ("train" if share < 0.5 else "validation" if share < 0.75 else "test")


@pytest.mark.parametrize("count", [569, 20_000])
def test_by_key_the_shares_are_near_nominal(
    table: Callable[..., ir.Table], make_client: Callable[..., Client], count: int
) -> None:
    client = make_client(split={"validation": 0.2, "test": 0.2})
    rows = folds(client, table({"id": list(range(1, count + 1))}))
    # Three standard deviations of a share of a fifth.
    margin = 3 * (0.2 * 0.8 / count) ** 0.5
    for name in ("validation", "test"):
        assert sum(row["fold"] == name for row in rows) / count == pytest.approx(0.2, abs=margin)


@pytest.mark.parametrize("kind", ["timestamp", "date", "int64"])
@pytest.mark.parametrize("rows", [2, 7, 20, 99, 1000])
def test_counting_cuts_where_a_quantile_does(
    make_client: Callable[..., Client], table: Callable[..., ir.Table], kind: str, rows: int
) -> None:
    """Other engines have no quantile of times; each row is to be in the fold that DuckDB's puts it in."""
    times = [(n * 7919) % (rows * 2 // 3 + 1) for n in range(rows)]
    known = table({"id": list(range(rows)), "n": times, "y": [1 if n % 5 else None for n in range(rows)]})
    moment = known.n if kind == "int64" else (known.n * 86_400).as_timestamp("s").cast(kind)
    known = known.mutate(seen=moment)
    for shares in (
        {"validation": 0.15, "test": 0.15},
        {"validation": 0.2, "test": 0.1},
        {"validation": 0.05, "test": 0.4},
    ):
        client = make_client(time_column="seen", split={"by": "time", **shares})
        labelled = known.y.count().to_pyarrow().as_py()
        by_quantile = (
            known.aggregate(**cuts_by_time(client, known.seen, where=known.y.notnull())).to_pyarrow().to_pylist()
        )
        by_counting = cuts_by_counting(client, known, known.y, labelled).to_pyarrow().to_pylist()
        folds = [
            known.select(known.id, fold=fold_of(client, known, Cuts(**found[0]))).order_by("id").to_pyarrow()
            for found in (by_quantile, by_counting)
        ]
        assert folds[0].equals(folds[1])
