"""`prepare` against the same work in hand-written DuckDB SQL and in pandas, on the tables of skyways and tradewinds.

    python -m benchmarks.prepare [--scale 0.1] [--rounds 3] [--clients skyways,tradewinds]

Each of the three reads the raw Parquet files, saves the primary table and the features (zstd, sorted by key), and makes
the same checks on the way: key unique, label there, cuts in time, rows of each fold. Each run is a process of its own;
seconds begin after its imports. The runs alternate, and medians are compared. Then the saved tables are compared row
for row. `cores` is how many worked, on average; imports count towards them. Bars: within 1.15 times the SQL; at least 3
times as fast as pandas; at most half of the peak memory of pandas.

All three read the primary table back from its file, as the second node of the pipeline does. pandas looks the past up
with cumulative sums and `merge_asof`, its quickest way.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WAYS = ("ours", "sql", "pandas")
KEYS = {"skyways": ["flight_id"], "tradewinds": ["order_key", "line_number"]}


def main() -> None:
    """Print one table a client."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="TPC-H scale factor for tradewinds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="skyways,tradewinds")
    parser.add_argument("--ways", default=",".join(WAYS), help="which to run; pandas needs the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for client in options.clients.split(","):
            raw = _raw(client, options.scale, Path(scratch))
            results = _measure(client, raw, Path(scratch), options.ways.split(","), options.rounds)
            _print(client, results)
            for other in results:
                if other != "ours":
                    _child("compare", client, Path(scratch) / client / "ours", Path(scratch) / client / other)


def _raw(client: str, scale: float, scratch: Path) -> Path:
    """The client's raw tables, as `ingest` leaves them, in a project of their own."""
    project = scratch / "project"
    if not project.exists():
        for name in ("conf", "src"):
            shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(ROOT / name, project / name)
    command = ["run", "--pipeline", "ingest", "--env", f"clients/{client}", "--params", f"ingest.scale_factor={scale}"]
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *command], cwd=project, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"kedro {' '.join(command)} failed\n{done.stdout}\n{done.stderr}")
    return project / "data" / client / "01_raw"


def _measure(client: str, raw: Path, scratch: Path, ways: list[str], rounds: int) -> dict[str, dict[str, Any]]:
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            out = scratch / client / way
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir(parents=True)
            runs[way].append(json.loads(_child(way, client, raw, out)))
    return {
        way: {
            "seconds": statistics.median(run["seconds"] for run in found),
            "processor": statistics.median(run["processor"] for run in found),
            "megabytes": max(run["megabytes"] for run in found),
            "rows": found[0]["rows"],
        }
        for way, found in runs.items()
    }


def _child(way: str, client: str, raw: Path, out: Path) -> str:
    command = [sys.executable, "-m", "benchmarks.peers.run", way, client, str(raw), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{way} failed for {client}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _print(client: str, results: dict[str, dict[str, Any]]) -> None:
    ours = results["ours"]
    print(f"\n{client}, {ours['rows']:,} rows{'':4}{'seconds':>9}{'ratio':>7}{'cores':>7}{'peak MB':>9}{'ratio':>7}")
    for way, found in results.items():
        seconds, memory = found["seconds"] / ours["seconds"], found["megabytes"] / ours["megabytes"]
        cores = found["processor"] / found["seconds"]
        line = f"{way:28}{found['seconds']:9.2f}{seconds:7.2f}{cores:7.2f}{found['megabytes']:9.0f}{memory:7.2f}"
        if way == "sql":
            line += f"   bar: ours ≤ 1.15 x sql: {_word(1 / seconds <= 1.15)} ({1 / seconds:.2f})"
        if way == "pandas":
            line += f"   bars: ≥ 3 x as fast: {_word(seconds >= 3)}; memory ≤ half: {_word(memory >= 2)}"
        print(line)


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


if __name__ == "__main__":
    main()
