-- The work of src/pipelines/prepare/recipes/tradewinds.py, written by hand for DuckDB.
-- {raw}, {out}, {train} and {validation} are filled in by benchmarks/prepare.py.

-- primary
COPY (
    WITH sizes AS (
        SELECT l_orderkey, count(*) AS order_lines, sum(l_quantity) AS order_quantity
        FROM '{raw}/lineitem.parquet' GROUP BY l_orderkey
    ),
    lowest AS (
        SELECT ps_partkey, min(ps_supplycost) AS lowest_supply_cost FROM '{raw}/partsupp.parquet' GROUP BY ps_partkey
    ),
    places AS (
        SELECT n_nationkey, n_name, r_name
        FROM '{raw}/nation.parquet' LEFT JOIN '{raw}/region.parquet' ON n_regionkey = r_regionkey
    )
    SELECT
        l.l_orderkey AS order_key, l_linenumber AS line_number, o_orderdate AS order_date, l_commitdate AS commit_date,
        l_shipdate AS ship_date, l_receiptdate AS receipt_date, (l_receiptdate > l_commitdate)::TINYINT AS late,
        o_orderstatus AS order_status, o_orderpriority AS order_priority, o_totalprice AS order_value,
        order_lines, order_quantity, l_quantity AS quantity, l_extendedprice AS price, l_discount AS discount, l_tax AS tax,
        l_shipmode AS ship_mode, l_shipinstruct AS ship_instruction, l_returnflag AS return_flag,
        l_linestatus AS line_status, o_custkey AS customer_key, c_mktsegment AS customer_segment,
        cp.n_name AS customer_nation, cp.r_name AS customer_region, c_acctbal AS customer_balance,
        l_suppkey AS supplier_key, sp.n_name AS supplier_nation, sp.r_name AS supplier_region,
        s_acctbal AS supplier_balance, l_partkey AS part_key, p_name AS part_name, p_brand AS part_brand,
        p_type AS part_type, p_container AS part_container, p_size AS part_size, p_retailprice AS part_price,
        ps_supplycost AS supply_cost, lowest_supply_cost, ps_availqty AS stock
    FROM '{raw}/lineitem.parquet' l
    JOIN '{raw}/orders.parquet' o ON o_orderkey = l.l_orderkey
    JOIN sizes ON sizes.l_orderkey = o_orderkey
    LEFT JOIN '{raw}/customer.parquet' ON c_custkey = o_custkey
    LEFT JOIN places cp ON cp.n_nationkey = c_nationkey
    LEFT JOIN '{raw}/supplier.parquet' ON s_suppkey = l_suppkey
    LEFT JOIN places sp ON sp.n_nationkey = s_nationkey
    LEFT JOIN '{raw}/part.parquet' ON p_partkey = l_partkey
    LEFT JOIN '{raw}/partsupp.parquet' ps ON ps.ps_partkey = l_partkey AND ps_suppkey = l_suppkey
    LEFT JOIN lowest ON lowest.ps_partkey = ps.ps_partkey
    ORDER BY order_key, line_number
) TO '{out}/primary.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);

-- overview
SELECT
    count(*), count(late), min(late), max(late), count(*) - count(order_key), count(*) - count(line_number),
    count(*) - count(order_date),
    quantile_disc(order_date, 0.7) FILTER (late IS NOT NULL) AS train,
    quantile_disc(order_date, 0.85) FILTER (late IS NOT NULL) AS validation
FROM '{out}/primary.parquet';

-- checks
SELECT count(*), sum(n) FROM (SELECT count(*) AS n FROM '{out}/primary.parquet' GROUP BY order_key, line_number) WHERE n > 1;
SELECT DISTINCT late FROM '{out}/primary.parquet' WHERE late IS NOT NULL LIMIT 3;
SELECT
    CASE WHEN order_date <= '{train}' THEN 'train' WHEN order_date <= '{validation}' THEN 'validation' ELSE 'test' END AS fold,
    count(*), min(late), max(late)
FROM '{out}/primary.parquet' WHERE late IS NOT NULL GROUP BY fold;

-- features
COPY (
    WITH lines AS (
        SELECT *, year(order_date) * 12 + month(order_date) AS month, year(receipt_date) * 12 + month(receipt_date) AS received
        FROM '{out}/primary.parquet'
    ),
    suppliers AS (
        SELECT supplier_key, month, coalesce(sum(n) OVER w, 0) AS lines, sum(late) OVER w AS late
        FROM (
            SELECT DISTINCT supplier_key, month, true AS asks, 0::DOUBLE AS n, 0::DOUBLE AS late FROM lines
            UNION ALL
            SELECT supplier_key, received, false, count(*), sum(late) FROM lines GROUP BY supplier_key, received
        )
        WINDOW w AS (PARTITION BY supplier_key ORDER BY month RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        QUALIFY asks
    ),
    types AS (
        SELECT part_type, month, coalesce(sum(n) OVER w, 0) AS lines, sum(late) OVER w AS late
        FROM (
            SELECT DISTINCT part_type, month, true AS asks, 0::DOUBLE AS n, 0::DOUBLE AS late FROM lines
            UNION ALL
            SELECT part_type, received, false, count(*), sum(late) FROM lines GROUP BY part_type, received
        )
        WINDOW w AS (PARTITION BY part_type ORDER BY month RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        QUALIFY asks
    )
    SELECT
        order_key, line_number, order_date,
        CASE WHEN order_date <= '{train}' THEN 'train' WHEN order_date <= '{validation}' THEN 'validation' ELSE 'test' END AS fold,
        l.late, (commit_date - order_date)::DOUBLE AS commit_days, dayname(commit_date) AS commit_weekday,
        dayname(order_date) AS order_weekday, month(order_date)::DOUBLE AS order_month, order_priority,
        order_value::DOUBLE AS order_value, order_lines::DOUBLE AS order_lines, order_quantity::DOUBLE AS order_quantity,
        quantity::DOUBLE AS quantity, price::DOUBLE AS price, discount::DOUBLE AS discount, tax::DOUBLE AS tax,
        ship_mode, ship_instruction, customer_segment, customer_nation, customer_region,
        customer_balance::DOUBLE AS customer_balance, supplier_nation, supplier_region,
        supplier_balance::DOUBLE AS supplier_balance, (customer_nation = supplier_nation)::DOUBLE AS same_nation,
        (customer_region = supplier_region)::DOUBLE AS same_region, part_brand, l.part_type, part_container,
        part_size::DOUBLE AS part_size, part_price::DOUBLE AS part_price, stock::DOUBLE AS stock,
        (stock - quantity)::DOUBLE AS stock_after, supply_cost::DOUBLE AS supply_cost,
        supply_cost::DOUBLE / lowest_supply_cost AS supply_cost_to_lowest,
        price::DOUBLE / quantity * (1 - discount) - supply_cost AS unit_margin,
        s.lines AS supplier_lines, s.late / nullif(s.lines, 0) AS supplier_late_share,
        t.late / nullif(t.lines, 0) AS part_type_late_share
    FROM lines l
    LEFT JOIN suppliers s ON s.supplier_key = l.supplier_key AND s.month = l.month
    LEFT JOIN types t ON t.part_type = l.part_type AND t.month = l.month
    WHERE l.late IS NOT NULL
    ORDER BY order_key, line_number
) TO '{out}/features.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1);
