"""Seconds of the same training by how OpenMP's threads wait for each other, alone and two at once on the same cores.

    python -m benchmarks.threads [--rounds 3]

Ours lets them spin for a tenth of a millisecond and then sleep, and has one thread learn a small table
(`workbench/learning/__init__.py`, `workbench/learning/threads.py`). Beside it: threads that sleep at once, that spin as
long as OpenMP has them by default, and a single thread. Each is a process of its own; ratios are to ours, below 1 is
quicker. Needs torch, numpy, pyarrow and scikit-learn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable

WAYS = {
    "ours": {},
    "sleep at once": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
    "OpenMP's default": {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
NETWORKS = {"network, 2,000 rows": 2_000, "network, 20,000 rows": 20_000}
BOOSTED = {"boosting, 2,000 x 30": 2_000, "boosting, 100,000 x 30": 100_000}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help="be one measured process: print the seconds of this work")
    options = parser.parse_args()
    if options.work:
        print(_work(options.work)())
        return
    print(f"{'':24}{'at once':>8}" + "".join(f"{way:>22}" for way in WAYS))
    for work in [*NETWORKS, *BOOSTED]:
        for processes in (1, 2):
            found: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(options.rounds):
                for way in WAYS:
                    found[way].append(_measure(work, way, processes))
            seconds = {way: statistics.median(values) for way, values in found.items()}
            cells = (f"{value:12.2f} s {value / seconds['ours']:6.2f} x" for value in seconds.values())
            print(f"{work:24}{processes:>8}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def _measure(work: str, way: str, processes: int) -> float:
    """The slower of the processes."""
    names = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS"}
    environment = {name: value for name, value in os.environ.items() if name not in names} | WAYS[way]
    command = [sys.executable, "-m", "benchmarks.threads", "--work", work]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit(f"{work} failed")
    return max(map(float, answers))


def _work(work: str) -> Callable[[], float]:
    import workbench.learning  # noqa: F401 - before torch and scikit-learn: how their threads wait

    return _network(NETWORKS[work]) if work in NETWORKS else _boosting(BOOSTED[work])


def _network(rows: int) -> Callable[[], float]:
    """Seconds of the second epoch of the default network."""
    import time

    from benchmarks.training_speed import example
    from workbench.learning import EpochReport, TrainConfig, fit

    columns, train, validation = example(rows)
    ends: list[float] = []

    def ended(_: EpochReport) -> None:
        ends.append(time.perf_counter())

    def measured() -> float:
        fit(train, validation, columns, TrainConfig(epochs=2, device="cpu"), ended)
        return ends[1] - ends[0]

    return measured


def _boosting(rows: int) -> Callable[[], float]:
    """Seconds of fifty rounds."""
    import time

    import numpy as np
    import pyarrow as pa
    import sklearn.ensemble  # noqa: F401 - its import is not counted

    from workbench.learning import Columns
    from workbench.learning.boosting.fit import boosting

    random = np.random.default_rng(0)
    names = tuple(f"x{number}" for number in range(30))
    matrix = random.normal(size=(rows, len(names)))
    target = (matrix[:, :5].sum(1) + random.normal(size=rows) > 0).astype(np.int8)
    table = pa.table({name: matrix[:, place] for place, name in enumerate(names)} | {"y": target})
    columns = Columns("binary", "y", names, ())

    def measured() -> float:
        began = time.perf_counter()
        boosting(table, table.slice(0, 500), columns, rounds=50)
        return time.perf_counter() - began

    return measured


if __name__ == "__main__":
    main()
