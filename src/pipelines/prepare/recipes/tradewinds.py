"""Tradewinds: will an order line be received after the date it was committed for? One row an order line, TPC-H's tables.

The question is asked on the day of the order. Known then: the order and its lines, the customer, the part, the supplier
and what he offers (TPC-H keeps no history of stock, cost and balances, so they are taken as they stand), the dates agreed
on, and how late earlier lines were that had been *received* by then.

Left out, because it comes later (``EXCLUDED``): when the line was shipped and received; ``return_flag``, ``line_status``
and ``order_status``, which follow from those dates. The day of the receipt decides the target, and tells of a line's
lateness to the orders of later months alone.

In TPC-H the days from order to shipment, commitment and receipt are drawn at random (specification, 4.2.3), so
``commit_days`` is the one column that can tell anything; the others are there because in a real firm they would.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.prepare.history import totals_before

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["EXCLUDED", "TABLES", "features", "join"]

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")

EXCLUDED = {
    "ship_date": "later than the order",
    "receipt_date": "later than the order; decides the target",
    "return_flag": "later than the order: set on receipt",
    "line_status": "later than the order: set on shipment",
    "order_status": "later than the order: sums up line_status",
    "commit_date": "as a date it orders the rows in time; commit_days and commit_weekday stand for it",
    "customer_key": "identifier",
    "part_key": "identifier",
    "supplier_key": "identifier; its history stands for it",
    "part_name": "free text",
    "lowest_supply_cost": "supply_cost_to_lowest stands for it",
}


def join(tables: Mapping[str, ir.Table]) -> ir.Table:
    """All eight tables; a line whose order is not there (quarantined, say) has no date and is left out.

    Clerks, comments, names and addresses stay behind; so does ``o_shippriority``, which is always 0.
    """
    from ibis import _

    lines = tables["lineitem"]
    orders, offers = _orders(tables), _offers(tables)
    customers, suppliers = (
        _parties(tables, "customer", "c_custkey", "c"),
        _parties(tables, "supplier", "s_suppkey", "s"),
    )
    return (
        lines.inner_join(orders, lines.l_orderkey == orders.o_orderkey)
        .left_join(customers, _.o_custkey == customers.c_custkey)
        .left_join(suppliers, _.l_suppkey == suppliers.s_suppkey)
        .left_join(tables["part"], _.l_partkey == tables["part"].p_partkey)
        .left_join(offers, (_.l_partkey == offers.ps_partkey) & (_.l_suppkey == offers.ps_suppkey))
        .select(
            order_key=_.l_orderkey,
            line_number=_.l_linenumber,
            order_date=_.o_orderdate,
            commit_date=_.l_commitdate,
            ship_date=_.l_shipdate,
            receipt_date=_.l_receiptdate,
            late=(_.l_receiptdate > _.l_commitdate).cast("int8"),
            order_status=_.o_orderstatus,
            order_priority=_.o_orderpriority,
            order_value=_.o_totalprice,
            order_lines=_.order_lines,
            order_quantity=_.order_quantity,
            quantity=_.l_quantity,
            price=_.l_extendedprice,
            discount=_.l_discount,
            tax=_.l_tax,
            ship_mode=_.l_shipmode,
            ship_instruction=_.l_shipinstruct,
            return_flag=_.l_returnflag,
            line_status=_.l_linestatus,
            customer_key=_.o_custkey,
            customer_segment=_.c_mktsegment,
            customer_nation=_.customer_nation,
            customer_region=_.customer_region,
            customer_balance=_.customer_balance,
            supplier_key=_.l_suppkey,
            supplier_nation=_.supplier_nation,
            supplier_region=_.supplier_region,
            supplier_balance=_.supplier_balance,
            part_key=_.l_partkey,
            part_name=_.p_name,
            part_brand=_.p_brand,
            part_type=_.p_type,
            part_container=_.p_container,
            part_size=_.p_size,
            part_price=_.p_retailprice,
            supply_cost=_.ps_supplycost,
            lowest_supply_cost=_.lowest_supply_cost,
            stock=_.ps_availqty,
        )
    )


def _orders(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Orders with their number of lines and pieces."""
    from ibis import _

    lines = tables["lineitem"]
    sizes = lines.group_by("l_orderkey").aggregate(order_lines=_.count(), order_quantity=_.l_quantity.sum())
    return tables["orders"].inner_join(sizes, _.o_orderkey == sizes.l_orderkey).drop("l_orderkey")


def _offers(tables: Mapping[str, ir.Table]) -> ir.Table:
    """Parts as suppliers offer them, with the lowest cost that any supplier asks."""
    from ibis import _

    offers = tables["partsupp"]
    lowest = offers.group_by("ps_partkey").aggregate(lowest_supply_cost=_.ps_supplycost.min())
    return offers.inner_join(lowest, "ps_partkey")


def _parties(tables: Mapping[str, ir.Table], kind: str, key: str, prefix: str) -> ir.Table:
    """Customers or suppliers, and where they are."""
    from ibis import _

    party, nation, region = tables[kind], tables["nation"], tables["region"]
    return (
        party.left_join(nation, party[f"{prefix}_nationkey"] == nation.n_nationkey)
        .left_join(region, _.n_regionkey == region.r_regionkey)
        .select(
            _[key],
            *([_.c_mktsegment] if kind == "customer" else []),
            _.n_name.name(f"{kind}_nation"),
            _.r_name.name(f"{kind}_region"),
            _[f"{prefix}_acctbal"].name(f"{kind}_balance"),
        )
    )


def features(primary: ir.Table) -> ir.Table:
    """What the order says, and how late the supplier was, and parts of the type were, in what was received by then."""
    from ibis import _

    suppliers = _late_before(primary, "supplier_key", "supplier")
    types = _late_before(primary, "part_type", "part_type")
    unit_price = _.price.cast("float64") / _.quantity
    return (
        primary.mutate(month=_month(_.order_date))
        .left_join(suppliers, ["supplier_key", "month"])
        .left_join(types, ["part_type", "month"])
        .select(
            _.order_key,
            _.line_number,
            _.order_date,
            _.late,
            commit_days=_.commit_date.delta(_.order_date, unit="day"),
            commit_weekday=_.commit_date.day_of_week.full_name(),
            order_weekday=_.order_date.day_of_week.full_name(),
            order_month=_.order_date.month(),
            order_priority=_.order_priority,
            order_value=_.order_value,
            order_lines=_.order_lines,
            order_quantity=_.order_quantity,
            quantity=_.quantity,
            price=_.price,
            discount=_.discount,
            tax=_.tax,
            ship_mode=_.ship_mode,
            ship_instruction=_.ship_instruction,
            customer_segment=_.customer_segment,
            customer_nation=_.customer_nation,
            customer_region=_.customer_region,
            customer_balance=_.customer_balance,
            supplier_nation=_.supplier_nation,
            supplier_region=_.supplier_region,
            supplier_balance=_.supplier_balance,
            same_nation=_.customer_nation == _.supplier_nation,
            same_region=_.customer_region == _.supplier_region,
            part_brand=_.part_brand,
            part_type=_.part_type,
            part_container=_.part_container,
            part_size=_.part_size,
            part_price=_.part_price,
            stock=_.stock,
            stock_after=_.stock - _.quantity,
            supply_cost=_.supply_cost,
            supply_cost_to_lowest=_.supply_cost.cast("float64") / _.lowest_supply_cost,
            unit_margin=unit_price * (1 - _.discount) - _.supply_cost,
            supplier_lines=_.supplier_lines,
            supplier_late_share=_.supplier_late_share,
            part_type_late_share=_.part_type_late_share,
        )
    )


def _late_before(lines: ir.Table, by: str, name: str) -> ir.Table:
    """For each group and month of orders: the lines received in *earlier* months, and the share of them that was late.

    Months, because a row a month and group stays small at any scale: at scale factor 10, 60 million lines make 8 million
    months of suppliers. There is no history of a single part: its thirty lines in seven years tell nothing, its type's
    do.
    """
    from ibis import _

    received = lines.group_by(by, month=_month(_.receipt_date)).aggregate(lines=_.count(), late=_.late.sum())
    asked = lines.select(by, month=_month(_.order_date))
    past = totals_before(asked, received, by=[by], at="month", of=["lines", "late"])
    return past.select(by, "month", **{f"{name}_lines": _.lines, f"{name}_late_share": _.late / _.lines.nullif(0)})


def _month(date: ir.DateValue) -> ir.IntegerValue:
    """Months since the year 0."""
    return date.year() * 12 + date.month()
