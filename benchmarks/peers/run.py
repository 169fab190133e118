"""One measured run: ``python -m benchmarks.peers.run ours|sql|pandas CLIENT RAW OUT`` prints seconds and peak memory.

``compare CLIENT LEFT RIGHT`` instead compares the tables that two of them saved, row for row.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEYS = {"skyways": "flight_id", "tradewinds": "order_key, line_number"}


def ours(client_id: str, raw: Path, out: Path) -> float:
    from pipelines.prepare.nodes import join_tables, make_features
    from pipelines.prepare.parameters import PrepareParameters
    from workbench.clients import ClientRegistry
    from workbench.engines import connection, write_parquet

    client = ClientRegistry(HERE.parents[1]).load(client_id)
    tables = {path.stem: connection().read_parquet(path) for path in sorted(raw.glob("*.parquet"))}
    import_module(f"pipelines.prepare.recipes.{client.recipe}")
    started = time.perf_counter()
    write_parquet(join_tables(client, tables), out / "primary.parquet")
    primary = connection().read_parquet(out / "primary.parquet")
    features, _ = make_features(client, primary, PrepareParameters())
    write_parquet(features, out / "features.parquet")
    return time.perf_counter() - started


def sql(client_id: str, raw: Path, out: Path) -> float:
    import duckdb

    text = (HERE / f"{client_id}.sql").read_text()
    step = r"^-- (primary|overview|checks|features)\n(.*?)(?=^-- |\Z)"
    steps = dict(re.findall(step, text, re.MULTILINE | re.DOTALL))
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET threads = 2")
    started = time.perf_counter()
    con.execute(steps["primary"].format(raw=raw, out=out))
    *_, train, validation = con.execute(steps["overview"].format(out=out)).fetchone()
    for statement in steps["checks"].format(out=out, train=train, validation=validation).split(";"):
        if statement.strip():
            con.execute(statement).fetchall()
    con.execute(steps["features"].format(out=out, train=train, validation=validation))
    return time.perf_counter() - started


def pandas(client_id: str, raw: Path, out: Path) -> float:
    import numpy as np
    import pandas as pd
    import pyarrow.parquet  # noqa: F401

    peer = import_module(f"benchmarks.peers.{client_id}_pandas")
    started = time.perf_counter()
    primary = peer.join(raw)
    primary.to_parquet(out / "primary.parquet", compression="zstd", index=False)
    primary = pd.read_parquet(out / "primary.parquet")  # the second node of the pipeline, as for the others
    if primary[peer.KEY].isna().any(axis=None) or primary.duplicated(peer.KEY).any():
        sys.exit("the key is not unique")
    known = primary[primary[peer.LABEL].notna()]
    train, validation = (np.quantile(known[peer.TIME].astype("int64"), q, method="inverted_cdf") for q in (0.7, 0.85))
    features = peer.features(primary)
    features = features[features[peer.LABEL].notna()]
    time_ = features[peer.TIME].astype("int64")
    fold = np.select([time_ <= train, time_ <= validation], ["train", "validation"], "test")
    features.insert(len(peer.KEY) + 1, "fold", fold)
    features.groupby("fold")[peer.LABEL].agg(["size", "min", "max"])
    numbers = features.select_dtypes(["number", "bool"]).columns.difference([*peer.KEY, peer.LABEL])
    features = features.astype(dict.fromkeys(numbers, "float64") | {peer.LABEL: "int8"})
    features.to_parquet(out / "features.parquet", compression="zstd", index=False)
    return time.perf_counter() - started


def compare(client_id: str, left: Path, right: Path) -> None:
    """Fail if the two features files differ: in rows, columns, order, or a value beyond 1e-9 of it."""
    import duckdb

    con = duckdb.connect()
    a, b = (f"'{folder}/features.parquet'" for folder in (left, right))
    names = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {a}").fetchall()]
    types = dict(row[:2] for row in con.execute(f"DESCRIBE SELECT * FROM {a}").fetchall())
    others = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {b}").fetchall()}
    if others != set(names):
        sys.exit(f"columns differ: {sorted(others ^ set(names))}")
    differs = []
    for name in names:
        same = f'a."{name}" IS NOT DISTINCT FROM b."{name}"'
        if types[name] == "DOUBLE":
            same = f'coalesce({same} OR abs(a."{name}" - b."{name}") <= 1e-9 * greatest(1, abs(a."{name}")), false)'
        differs.append(f'count(*) FILTER (NOT ({same})) AS "{name}"')
    query = f"SELECT {', '.join(differs)} FROM {a} a POSITIONAL JOIN {b} b"
    found = dict(zip(names, con.execute(query).fetchone(), strict=True))
    if any(found.values()):
        sys.exit(f"rows differ: { {name: count for name, count in found.items() if count} }")
    print(f"{left.name} and {right.name} saved the same {len(names)} columns, row for row")


def _processor() -> float:
    """Seconds that all cores together have worked for this process, imports included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    way, client_id, *folders = sys.argv[1:]
    first, second = map(Path, folders)
    if way == "compare":
        compare(client_id, first, second)
        return
    ways: dict[str, Any] = {"ours": ours, "sql": sql, "pandas": pandas}
    before = _processor()
    seconds = ways[way](client_id, first, second)
    processor = _processor() - before
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    import pyarrow.parquet as pq

    rows = pq.read_metadata(second / "features.parquet").num_rows
    print(json.dumps({"seconds": seconds, "processor": processor, "megabytes": megabytes, "rows": rows}))


if __name__ == "__main__":
    main()
