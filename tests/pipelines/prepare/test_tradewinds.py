"""What an order line becomes after it was ordered is in no feature before it was received."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from random import Random
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from pipelines.prepare.recipes import tradewinds
from workbench.engines import connection

Raw = dict[str, ir.Table]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def raw(tpch_raw: Raw) -> Raw:
    """A tenth of the orders."""
    lines = tpch_raw["lineitem"].filter(tpch_raw["lineitem"].l_orderkey % 10 == 1)
    return tpch_raw | {"lineitem": connection().create_table("lines_few", lines, temp=True, overwrite=True)}


def rows_of(raw: Raw, lines: pa.Table | None = None) -> dict[tuple[int, int], Row]:
    if lines is not None:
        raw = raw | {"lineitem": connection().create_table("lines_changed", lines, temp=True, overwrite=True)}
    made = tradewinds.features(tradewinds.join(raw)).to_pyarrow().to_pylist()
    return {(row["order_key"], row["line_number"]): row for row in made}


@pytest.fixture(scope="module")
def rows(raw: Raw) -> dict[tuple[int, int], Row]:
    return rows_of(raw)


@pytest.fixture(scope="module")
def primary(raw: Raw) -> list[Row]:
    return list(tradewinds.join(raw).to_pyarrow().to_pylist())


def set_column(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))


def without_label(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "late"}


def test_what_is_set_after_the_order_changes_nothing(raw: Raw, rows: dict[tuple[int, int], Row]) -> None:
    lines = raw["lineitem"].to_pyarrow()
    order = list(range(len(lines)))
    Random(0).shuffle(order)
    for name in ("l_shipdate", "l_returnflag", "l_linestatus"):
        lines = lines.set_column(lines.column_names.index(name), name, lines[name].take(order))
    orders = raw["orders"].mutate(o_orderstatus=raw["orders"].o_orderkey.cast("string"))
    assert rows_of(raw | {"orders": orders}, lines) == rows


@pytest.mark.parametrize("day", [date(1993, 2, 1), date(1995, 7, 1), date(1997, 12, 1)])
def test_the_future_does_not_change_the_past(raw: Raw, rows: dict[tuple[int, int], Row], day: date) -> None:
    """Lines that are received from a day on are received on other days: no order placed in a month before differs."""
    lines, rng = raw["lineitem"].to_pyarrow(), Random(1)
    receipts = [
        receipt if receipt < day else date(rng.randrange(day.year + 1, 2000), rng.randrange(1, 13), 1)
        for receipt in lines["l_receiptdate"].to_pylist()
    ]
    changed = rows_of(raw, set_column(lines, "l_receiptdate", receipts))
    before = [key for key, row in rows.items() if row["order_date"] < day.replace(day=28)]
    assert len(before) > 500
    for key in before:
        assert without_label(changed[key]) == without_label(rows[key])
    assert sum(changed[key] != rows[key] for key in rows) > 100


def test_history_is_what_a_person_would_count(rows: dict[tuple[int, int], Row], primary: list[Row]) -> None:
    received = defaultdict(list)
    for line in primary:
        received["supplier", line["supplier_key"]].append(line)
        received["type", line["part_type"]].append(line)
    for line in Random(2).sample(primary, 500):
        made = rows[line["order_key"], line["line_number"]]
        start = line["order_date"].replace(day=1)
        supplier = [o["late"] for o in received["supplier", line["supplier_key"]] if o["receipt_date"] < start]
        of_type = [o["late"] for o in received["type", line["part_type"]] if o["receipt_date"] < start]
        assert made["supplier_lines"] == len(supplier)
        assert made["supplier_late_share"] == (pytest.approx(sum(supplier) / len(supplier)) if supplier else None)
        assert made["part_type_late_share"] == (pytest.approx(sum(of_type) / len(of_type)) if of_type else None)


def test_the_joins(raw: Raw, primary: list[Row]) -> None:
    """One line, followed by hand through all eight tables."""
    tables = {name: table.to_pyarrow().to_pylist() for name, table in raw.items()}
    assert len(primary) == len(tables["lineitem"])

    def one(table: str, **where: Any) -> Row:
        (found,) = [row for row in tables[table] if all(row[name] == value for name, value in where.items())]
        return found

    for line in Random(4).sample(tables["lineitem"], 5):
        row = next(
            r for r in primary if (r["order_key"], r["line_number"]) == (line["l_orderkey"], line["l_linenumber"])
        )
        order = one("orders", o_orderkey=line["l_orderkey"])
        customer, supplier = one("customer", c_custkey=order["o_custkey"]), one("supplier", s_suppkey=line["l_suppkey"])
        offers = [offer for offer in tables["partsupp"] if offer["ps_partkey"] == line["l_partkey"]]
        offer = next(offer for offer in offers if offer["ps_suppkey"] == line["l_suppkey"])
        for kind, party in (("customer", customer), ("supplier", supplier)):
            nation = one("nation", n_nationkey=party[f"{kind[0]}_nationkey"])
            assert row[f"{kind}_nation"] == nation["n_name"]
            assert row[f"{kind}_region"] == one("region", r_regionkey=nation["n_regionkey"])["r_name"]
            assert row[f"{kind}_balance"] == party[f"{kind[0]}_acctbal"]
        assert row["part_brand"] == one("part", p_partkey=line["l_partkey"])["p_brand"]
        assert row["supply_cost"] == offer["ps_supplycost"]
        assert row["lowest_supply_cost"] == min(other["ps_supplycost"] for other in offers)
        assert row["order_lines"] == sum(other["l_orderkey"] == line["l_orderkey"] for other in tables["lineitem"])
        assert row["late"] == int(line["l_receiptdate"] > line["l_commitdate"])


def test_a_line_without_its_order_is_left_out_and_one_without_a_supplier_stays(raw: Raw) -> None:
    line = raw["lineitem"].limit(1).to_pyarrow().to_pylist()[0]
    orders = raw["orders"].filter(raw["orders"].o_orderkey != line["l_orderkey"])
    lines = raw["lineitem"].filter(raw["lineitem"].l_orderkey == line["l_orderkey"])
    assert tradewinds.join(raw | {"orders": orders, "lineitem": lines}).count().to_pyarrow().as_py() == 0
    some = tradewinds.join(raw | {"lineitem": lines, "supplier": raw["supplier"].limit(0)})
    assert some.count().to_pyarrow().as_py() == lines.count().to_pyarrow().as_py()


def test_the_features_name_no_excluded_column(rows: dict[tuple[int, int], Row]) -> None:
    assert not set(next(iter(rows.values()))) & set(tradewinds.EXCLUDED)
