"""Many small clients: warm workers against a shell loop of `kedro run`, against the ideal, and what big fleets cost.

    python -m benchmarks.fleet [--clients 100] [--sample 8] [--only tables|all]

A copy of the project in a temporary folder gets so many clients, each with one CSV table of 500 rows, and its own. Two
things are measured: the tables alone (`ingest` and `prepare`), and all of `__default__` that trains nothing, `score`
and `report` included. For the second, each client gets a linear model as its champion first, outside of the time. Both
ways run a client in one process: the loop starts `kedro run` anew each time, one after the other, for a sample of the
clients, and is scaled to all of them; the fleet runs all of them, two at once, every node anew (`--force`), and its
time is that of the command, with the start of Python and of the process that workers are forked from. Ideal is the sum
of the nodes' own time (loads, functions, saves) of that very run, by two. Memory is what a worker does not share
(`Private_*` of /proc/<pid>/smaps_rollup) when its session is ready, before the first node, and after the last; every
tenth client is looked at.

Bars: at least 10 times the throughput; at least 0.85 of the ideal; at most 150 MB; the plan for 1,000 clients and
`kedro fleet status` of 1,000 clients and 8 pipelines within 2 seconds, each a command of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORKERS = 2
THROUGHPUT, IDEAL, MEGABYTES, BLINK = 10.0, 0.85, 150.0, 2.0
TABLES, ALL = "ingest+prepare", "ingest+prepare+score+report"
MAKES_CHAMPIONS = "ingest+prepare+train+evaluate+register"
MANY, PIPELINES = 1000, ("ingest", "prepare", "train", "evaluate", "register", "score", "report", "tune")

STOPWATCH = '''

import json as _json
import os as _os
import time as _time
from pathlib import Path as _Path

from kedro.framework.hooks import hook_impl as _hook_impl
from kedro.pipeline.node import Node as _Node


class _Stopwatch:
    """Adds up the time of loads, functions and saves, without that of hooks; for the benchmark."""

    own = 0.0

    @_hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params):
        # Linux looks at each page for it, which takes as long as a node: every tenth client.
        self.looks = run_params["env"].endswith("0")
        self.said = {"before": _private()} if self.looks else {}

    @_hook_impl(trylast=True)
    def after_pipeline_run(self, run_params):
        folder = _Path(run_params["project_path"], "stopwatch")
        folder.mkdir(exist_ok=True)
        said = self.said | {"own": _Stopwatch.own} | ({"after": _private()} if self.looks else {})
        (folder / f"{_os.getpid()}.json").write_text(_json.dumps(said))


def _private():
    lines = _Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _timed(kind, name):
    method = getattr(kind, name)

    def timed(*arguments, **options):
        began = _time.perf_counter()
        try:
            return method(*arguments, **options)
        finally:
            _Stopwatch.own += _time.perf_counter() - began

    setattr(kind, name, timed)


_timed(_Node, "run")
_timed(LightCatalog, "load")
_timed(LightCatalog, "save")
HOOKS = (*HOOKS, _Stopwatch())
'''

CLIENT = """\
id: {id}
title: Client {id}
owner: fleet@smithright.example
sources:
  orders: {{kind: csv, path: inbox/{id}.csv}}
key: [order_id]
time_column: ordered_at
target: late
task: binary
split: {{by: time, validation: 0.15, test: 0.15}}
metric: {{name: roc_auc, margin: 0.0}}
"""
PARAMETERS = """\
train: {candidates: [linear], ensemble: false, epochs: 1}
evaluate: {bootstrap: 20, calibration_limit: 1.0, importance_repeats: 1}
"""
SCHEMA = """\
tables:
  orders:
    key: [order_id]
    columns:
      order_id: {type: int64}
      ordered_at: {type: timestamp}
      customer: {type: string}
      region: {type: string}
      channel: {type: string}
      amount: {type: float64, min: 0}
      items: {type: int64, min: 1}
      discount: {type: float64}
      rating: {type: int64}
      late: {type: int64}
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--sample", type=int, default=8)
    parser.add_argument("--only", choices=("tables", "all"), help="one of the two parts, and no big fleet")
    options = parser.parse_args()
    os.environ |= {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryDirectory() as scratch:
        project = _project(Path(scratch) / "project", options.clients)
        if options.only != "all":
            _throughput(project, TABLES, options.clients, min(options.sample, options.clients))
        if options.only != "tables":
            _kedro(project, "fleet", "run", "--workers", str(WORKERS), "--pipeline", MAKES_CHAMPIONS)
            shutil.rmtree(project / "stopwatch")
            _throughput(project, ALL, options.clients, min(options.sample, options.clients))
        if options.only is None:
            _big_fleet(Path(scratch) / "big")


def _throughput(project: Path, pipelines: str, clients: int, sample: int) -> None:
    names, listed = [_name(number) for number in range(clients)], pipelines.replace("+", ",")
    _kedro(project, "run", "--env", f"clients/{names[0]}", "--pipelines", listed)  # the store, and the disk's cache
    loop = clients * statistics.mean(
        _kedro(project, "run", "--env", f"clients/{name}", "--pipelines", listed) for name in names[-sample:]
    )
    shutil.rmtree(project / "stopwatch")
    fleet = _kedro(project, "fleet", "run", "--force", "--workers", str(WORKERS), "--pipeline", pipelines)
    seen = [json.loads(path.read_text()) for path in (project / "stopwatch").iterdir()]
    shutil.rmtree(project / "stopwatch")
    ideal = sum(one["own"] for one in seen) / WORKERS
    print(f"{clients} clients, `{listed}`, {WORKERS} workers")
    print(f"{'':34}{'seconds':>9}{'a client':>10}{'ratio':>8}")
    print(f"{f'`kedro run` in a loop ({sample} of them)':34}{loop:9.1f}{loop / clients:10.2f}{1:8.2f}")
    print(f"{'`kedro fleet run`':34}{fleet:9.1f}{fleet / clients:10.2f}{loop / fleet:8.2f}   ", end="")
    print(f"bar ≥ {THROUGHPUT}: {_word(loop / fleet >= THROUGHPUT)}")
    print(f"{'the nodes alone, by two':34}{ideal:9.1f}{ideal / clients:10.2f}{ideal / fleet:8.2f}   ", end="")
    print(f"of the fleet's, bar ≥ {IDEAL}: {_word(ideal / fleet >= IDEAL)}")
    before = max(one["before"] for one in seen if "before" in one)
    print(
        f"{'MB unshared, before its data':34}{before:9.0f}{'':18}   bar ≤ {MEGABYTES:.0f}: {_word(before <= MEGABYTES)}"
    )
    after = max(one["after"] for one in seen if "after" in one)
    print(f"{'MB unshared, after the last node':34}{after:9.0f}\n", flush=True)


def _big_fleet(folder: Path) -> None:
    from workbench.fleet.ledger import Ledger

    project = _project(folder, MANY)
    ledger = Ledger.of(project)
    cells = [(_name(number), pipeline) for number in range(MANY) for pipeline in PIPELINES]
    ledger.plan([])  # makes the file
    with sqlite3.connect(ledger.path) as connection:
        connection.executemany(
            "INSERT INTO run (client, pipeline, state, started, finished, seconds, pid, birth, host) "
            "VALUES (?, ?, 'succeeded', :at, :at, 1, 1, 'x', 'y')".replace(":at", "'2026-01-01T00:00:00.000+00:00'"),
            cells,
        )
    plan = statistics.median(_kedro(project, "fleet", "run", "--dry-run", "--json") for _ in range(3))
    status = statistics.median(_kedro(project, "fleet", "status") for _ in range(3))
    print(f"{f'plan of {MANY:,} clients':34}{plan:9.2f}{'':18}   bar ≤ {BLINK:.0f} s: {_word(plan <= BLINK)}")
    print(f"{f'status of {len(cells):,} cells':34}{status:9.2f}{'':18}   bar ≤ {BLINK:.0f} s: {_word(status <= BLINK)}")


def _project(folder: Path, clients: int) -> Path:
    shutil.copytree(ROOT / "conf" / "base", folder / "conf" / "base")
    shutil.copy(ROOT / "conf" / "logging.yml", folder / "conf")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", ".telemetry"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    with (folder / "src" / "pipelines" / "settings.py").open("a") as settings:
        settings.write(STOPWATCH)
    (folder / "inbox").mkdir()
    for number in range(clients):
        name = _name(number)
        home = folder / "conf" / "clients" / name
        home.mkdir(parents=True)
        (home / "client.yml").write_text(CLIENT.format(id=name))
        (home / "schema.yml").write_text(SCHEMA)
        (home / "parameters.yml").write_text(PARAMETERS)
        (folder / "inbox" / f"{name}.csv").write_text(_table(number))
    return folder


def _table(seed: int) -> str:
    draw = random.Random(seed)
    lines = ["order_id,ordered_at,customer,region,channel,amount,items,discount,rating,late"]
    for number in range(500):
        when = f"2025-{1 + number * 12 // 500:02d}-{draw.randint(1, 28):02d} {draw.randint(0, 23):02d}:00:00"
        amount = draw.random() * 100
        words = f"c{draw.randint(1, 37)},{draw.choice('NESW')},{draw.choice(('web', 'shop', 'phone'))}"
        numbers = f"{amount:.2f},{draw.randint(1, 9)},{draw.random() / 5:.3f},{draw.randint(1, 5)}"
        lines.append(f"{number + 1},{when},{words},{numbers},{int(draw.random() < amount / 120)}")
    return "\n".join(lines) + "\n"


def _kedro(project: Path, *arguments: str) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    environ = os.environ | {"PYTHONPATH": str(project / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"kedro {' '.join(arguments)} failed\n{done.stdout}{done.stderr}")
    return seconds


def _name(number: int) -> str:
    return f"client_{number:04d}"


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


if __name__ == "__main__":
    main()
