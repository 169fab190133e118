"""The work of `src/pipelines/prepare/recipes/tradewinds.py` in pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEY, TIME, LABEL = ["order_key", "line_number"], "order_date", "late"

NAMES = {
    "l_orderkey": "order_key",
    "l_linenumber": "line_number",
    "o_orderdate": "order_date",
    "l_commitdate": "commit_date",
    "l_shipdate": "ship_date",
    "l_receiptdate": "receipt_date",
    "late": "late",
    "o_orderstatus": "order_status",
    "o_orderpriority": "order_priority",
    "o_totalprice": "order_value",
    "order_lines": "order_lines",
    "order_quantity": "order_quantity",
    "l_quantity": "quantity",
    "l_extendedprice": "price",
    "l_discount": "discount",
    "l_tax": "tax",
    "l_shipmode": "ship_mode",
    "l_shipinstruct": "ship_instruction",
    "l_returnflag": "return_flag",
    "l_linestatus": "line_status",
    "o_custkey": "customer_key",
    "c_mktsegment": "customer_segment",
    "customer_nation": "customer_nation",
    "customer_region": "customer_region",
    "c_acctbal": "customer_balance",
    "l_suppkey": "supplier_key",
    "supplier_nation": "supplier_nation",
    "supplier_region": "supplier_region",
    "s_acctbal": "supplier_balance",
    "l_partkey": "part_key",
    "p_name": "part_name",
    "p_brand": "part_brand",
    "p_type": "part_type",
    "p_container": "part_container",
    "p_size": "part_size",
    "p_retailprice": "part_price",
    "ps_supplycost": "supply_cost",
    "lowest_supply_cost": "lowest_supply_cost",
    "ps_availqty": "stock",
}


def join(raw: Path) -> pd.DataFrame:
    lines = _read(raw, "lineitem", [name for name in NAMES if name.startswith("l_")])
    orders = _read(raw, "orders", [name for name in NAMES if name.startswith("o_")] + ["o_orderkey"])
    offers = _read(raw, "partsupp", ["ps_partkey", "ps_suppkey", "ps_supplycost", "ps_availqty"])
    parts = _read(raw, "part", [name for name in NAMES if name.startswith("p_")] + ["p_partkey"])
    places = _read(raw, "nation", ["n_nationkey", "n_name", "n_regionkey"]).merge(
        _read(raw, "region", ["r_regionkey", "r_name"]), how="left", left_on="n_regionkey", right_on="r_regionkey"
    )
    customers = _party(raw, places, "customer", ["c_custkey", "c_nationkey", "c_mktsegment", "c_acctbal"])
    suppliers = _party(raw, places, "supplier", ["s_suppkey", "s_nationkey", "s_acctbal"])

    lines["late"] = (lines.l_receiptdate > lines.l_commitdate).astype("int8")
    by_order = lines.groupby("l_orderkey").l_quantity
    lines["order_lines"], lines["order_quantity"] = by_order.transform("size"), by_order.transform("sum")
    offers["lowest_supply_cost"] = offers.groupby("ps_partkey").ps_supplycost.transform("min")
    return (
        lines.merge(orders, how="inner", left_on="l_orderkey", right_on="o_orderkey")
        .merge(customers, how="left", left_on="o_custkey", right_on="c_custkey")
        .merge(suppliers, how="left", left_on="l_suppkey", right_on="s_suppkey")
        .merge(parts, how="left", left_on="l_partkey", right_on="p_partkey")
        .merge(offers, how="left", left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])[[*NAMES]]
        .rename(columns=NAMES)
        .sort_values(KEY)
    )


def _read(raw: Path, table: str, columns: list[str]) -> pd.DataFrame:
    """Decimals as float64 and dates as datetime64, which is what pandas is quick with."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(raw / f"{table}.parquet", columns=columns)
    quick = {pa.types.is_decimal: pa.float64(), pa.types.is_date: pa.timestamp("s")}
    fields = [
        field.with_type(next((to for is_kind, to in quick.items() if is_kind(field.type)), field.type))
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields)).to_pandas()


def _party(raw: Path, places: pd.DataFrame, kind: str, columns: list[str]) -> pd.DataFrame:
    party = _read(raw, kind, columns)
    party = party.merge(places, how="left", left_on=f"{kind[0]}_nationkey", right_on="n_nationkey")
    party = party.rename(columns={"n_name": f"{kind}_nation", "r_name": f"{kind}_region"})
    return party.drop(columns=[f"{kind[0]}_nationkey", "n_nationkey", "n_regionkey", "r_regionkey"])


def features(primary: pd.DataFrame) -> pd.DataFrame:
    f = primary.reset_index(drop=True)
    f["month"] = f.order_date.dt.year * 12 + f.order_date.dt.month
    f["received"] = f.receipt_date.dt.year * 12 + f.receipt_date.dt.month
    made = f[["order_key", "line_number", "order_date", "late"]].copy()
    made["commit_days"] = (f.commit_date - f.order_date).dt.days
    made["commit_weekday"] = f.commit_date.dt.day_name()
    made["order_weekday"] = f.order_date.dt.day_name()
    made["order_month"] = f.order_date.dt.month
    for name in ("order_priority", "order_value", "order_lines", "order_quantity", "quantity", "price", "discount"):
        made[name] = f[name]
    for name in ("tax", "ship_mode", "ship_instruction", "customer_segment", "customer_nation", "customer_region"):
        made[name] = f[name]
    for name in ("customer_balance", "supplier_nation", "supplier_region", "supplier_balance"):
        made[name] = f[name]
    made["same_nation"] = f.customer_nation == f.supplier_nation
    made["same_region"] = f.customer_region == f.supplier_region
    for name in ("part_brand", "part_type", "part_container", "part_size", "part_price", "stock"):
        made[name] = f[name]
    made["stock_after"] = f.stock - f.quantity
    made["supply_cost"] = f.supply_cost
    made["supply_cost_to_lowest"] = f.supply_cost / f.lowest_supply_cost
    made["unit_margin"] = f.price / f.quantity * (1 - f.discount) - f.supply_cost
    supplier, part_type = _late_before(f, "supplier_key"), _late_before(f, "part_type")
    made["supplier_lines"] = supplier.lines
    made["supplier_late_share"] = supplier.late / supplier.lines.replace(0, np.nan)
    made["part_type_late_share"] = part_type.late / part_type.lines.replace(0, np.nan)
    return made


def _late_before(f: pd.DataFrame, by: str) -> pd.DataFrame:
    received = f.groupby([by, "received"], as_index=False).late.agg(["size", "sum"])
    received = received.set_axis([by, "received", "lines", "late"], axis=1).sort_values("received")
    received[["lines", "late"]] = received.groupby(by)[["lines", "late"]].cumsum()
    asked = f[[by, "month"]].drop_duplicates().sort_values("month")
    found = pd.merge_asof(
        asked, received, left_on="month", right_on="received", by=by, allow_exact_matches=False
    ).fillna({"lines": 0})
    return f[[by, "month"]].merge(found, how="left", on=[by, "month"])
