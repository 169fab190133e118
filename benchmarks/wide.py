"""What a wide table costs to take in, column by column: the look of `client add`, and the checks of `ingest`.

    python -m benchmarks.wide [--columns 100,200,400] [--rows 2000] [--last shuffle]

A CSV file is generated with a key, a target, numbers (some of them missing), whole numbers and categories, and each
width is measured in a process of its own. `look` is what `kedro client add` asks of the file, `check` casts it to its
schema and looks for reasons against each row, `judge` is pandera's word on the good rows, `features` infers a recipe
and saves what it makes, `linear` fits the linear candidate, `shuffle` is the importance of its columns. Seconds are of
processor. Where the last figure, seconds a column, stays the same, the cost grows with the columns and no faster.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.onboarding.look import TableLook

STEPS = ("open", "look", "check", "judge", "features", "linear", "shuffle")


CLIENT = {
    "id": "wide",
    "title": "Wide",
    "owner": "wide@smithright.example",
    "sources": {"wide": {"kind": "csv", "path": "wide.csv"}},
    "key": ["sample"],
    "target": "late",
    "task": "binary",
    "metric": {"name": "roc_auc"},
}


def main() -> None:
    """Print one line a width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", default="100,200,400")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--last", choices=("look", "shuffle"), default="shuffle", help="the step to end with")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    steps = STEPS[: STEPS.index(options.last) + 1]
    if options.one:
        print(json.dumps(measure(options.one, options.rows, options.last)))
        return
    print(f"{options.rows:,} rows; seconds of processor\n{'columns':>9}", *(f"{step:>9}" for step in steps), end="")
    print(f"{'peak MB':>10}{'a column':>10}")
    for columns in map(int, options.columns.split(",")):
        command = [sys.executable, "-m", "benchmarks.wide", "--one", str(columns), "--rows", str(options.rows)]
        command += ["--last", options.last]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{columns} columns failed\n{done.stdout}\n{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        total = sum(found[step] for step in steps)
        print(f"{columns:9,}", *(f"{found[step]:9.1f}" for step in steps), end="")
        print(f"{found['megabytes']:10.0f}{total / columns:10.3f}", flush=True)


def measure(columns: int, rows: int, last: str = STEPS[-1]) -> dict[str, float]:
    """Take such a table in, step by step."""
    from workbench.clients.sources import CsvSource
    from workbench.engines import connection
    from workbench.onboarding.look import look
    from workbench.sources import Opening, open_source

    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_csv(folder / "wide.csv", columns, rows)
        opening = Opening("wide", "wide", folder, folder, connection())
        opened = _timed(seconds, "open", lambda: open_source(CsvSource(kind="csv", path="wide.csv"), opening))
        found = _timed(seconds, "look", lambda: look(opened.rows, "wide", "wide"))
        if last != "look":
            _ingest_and_learn(seconds, opened.rows, found, folder)
    return seconds | {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _ingest_and_learn(seconds: dict[str, float], rows: Any, found: TableLook, folder: Path) -> None:
    from pipelines.ingest.checking import check_table, kept
    from pipelines.ingest.judge import judge
    from workbench.clients import TableSchema
    from workbench.engines import connection, write_parquet

    schema = TableSchema(columns={name: column.spec for name, column in found.columns.items()}, key=("sample",))
    path = folder / "checked.parquet"
    _timed(seconds, "check", lambda: write_parquet(check_table(rows, schema), path))
    good = kept(connection().read_parquet(path))
    _timed(seconds, "judge", lambda: judge(good, schema, "wide", "wide"))
    features, roles = _timed(seconds, "features", lambda: _features(good, folder / "features.parquet"))
    _learn(seconds, features, roles)


def _features(primary: Any, path: Path) -> tuple[Any, dict[str, Any]]:
    """What the node of `prepare` does, and its save."""
    import pyarrow.parquet

    from pipelines.prepare.nodes import make_features
    from pipelines.prepare.parameters import PrepareParameters
    from workbench.clients import Client
    from workbench.engines import write_parquet

    client = Client.model_validate(CLIENT)
    table, roles = make_features(client, primary, PrepareParameters())
    write_parquet(table, path)
    return pyarrow.parquet.read_table(path), roles


def _learn(seconds: dict[str, float], features: Any, roles: dict[str, Any]) -> None:
    from pipelines.evaluate.parameters import EvaluateParameters
    from workbench.learning import Columns
    from workbench.learning.importance import permutation
    from workbench.learning.linear import linear

    columns = Columns("binary", "late", tuple(roles["numeric"]), tuple(roles["categorical"]))
    train, rest = features.slice(0, len(features) // 2), features.slice(len(features) // 2)
    model = _timed(seconds, "linear", lambda: linear(train, rest, columns))
    most = EvaluateParameters().importance_columns
    _timed(seconds, "shuffle", lambda: permutation(model.predict, rest, columns, "roc_auc", most=most))


def write_csv(path: Path, columns: int, rows: int) -> None:
    """The same file each time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    rng = np.random.default_rng(1)
    made: dict[str, Any] = {"sample": [f"s{number:06d}" for number in range(rows)]}
    made["late"] = rng.integers(0, 2, rows)
    for number in range(columns - 2):
        kind = number % 10
        if kind < 6:
            made[f"gene_{number}"] = pa.array(rng.normal(size=rows).round(4), mask=rng.random(rows) < 0.02)
        elif kind < 8:
            made[f"count_{number}"] = rng.integers(0, 1000, rows)
        else:
            made[f"group_{number}"] = rng.choice(["A", "B", "C", "D", "E", "F"], rows)
    pa.csv.write_csv(pa.table(made), path)


def _timed(seconds: dict[str, float], step: str, work: Callable[[], Any]) -> Any:
    began = time.process_time()
    result = work()
    seconds[step] = time.process_time() - began
    return result


if __name__ == "__main__":
    main()
