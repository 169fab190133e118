"""Notebooks on warm kernels against papermill as it comes: seconds a notebook, notebooks a minute, memory a kernel.

    python -m benchmarks.reports [--rounds 5] [--reports 20]

Both run the same notebooks in the same process through papermill, one beside the other; only where the kernel comes
from differs. A trivial notebook has one cell, `1 + 1`; the other imports pandas, Ibis, Matplotlib and MLflow and draws
a line. The time of the first kernel, for which the zygote imports, is not in the medians; it is printed beside them.
Throughput is that of the notebook with imports: papermill in a loop, against two processes with warm kernels. Memory is
what a kernel does not share (`Private_*` of /proc/<pid>/smaps_rollup) when it is ready. Bars: at least 8 times as fast,
both; at least 10 times the throughput; at most 60 MB.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat

CELLS = {
    "trivial": ["1 + 1"],
    "imports": ["import pandas, ibis, mlflow, matplotlib.pyplot as plt", "plt.plot([1, 2, 3]);"],
}
FASTER, THROUGHPUT, MEGABYTES, WORKERS = 8, 10, 60, 2


def papermill(path: str) -> float:
    """Seconds of one notebook with papermill's own, cold kernel."""
    import papermill as pm

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        pm.execute_notebook(path, f"{folder}/out.ipynb", progress_bar=False)
        return time.perf_counter() - started


def warm(path: str) -> float:
    """Seconds of one notebook as a report runs it, with a kernel forked from the shared zygote."""
    import papermill as pm

    from workbench.reports.engine import ENGINE
    from workbench.reports.kernel import report_kernel

    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        with report_kernel(Path(folder), 120) as kernel:
            pm.execute_notebook(
                path,
                f"{folder}/out.ipynb",
                km=kernel,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                engine_name=ENGINE,
            )
        return time.perf_counter() - started


def unshared(folder: Path) -> float:
    """Megabytes that a warm kernel shares with nobody."""
    from workbench.reports.kernel import report_kernel

    folder.mkdir()
    with report_kernel(folder, 120) as kernel:
        client = kernel.client()
        client.start_channels()
        rollup = Path(f"/proc/{kernel.provisioner.pid}/smaps_rollup").read_text()
    private = [line.split() for line in rollup.splitlines() if line.startswith("Private_")]
    return sum(int(words[1]) for words in private) / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reports", type=int, default=20, help="for the throughput; papermill runs a quarter of them")
    options = parser.parse_args()
    logging.disable(logging.WARNING)

    from workbench.kernels.process import shared_zygote

    with tempfile.TemporaryDirectory() as scratch, shared_zygote():
        paths = {name: str(_write(Path(scratch), name, cells)) for name, cells in CELLS.items()}
        print(f"first warm kernel, with the zygote's imports: {warm(paths['trivial']):.2f} s")
        print(f"{'seconds a notebook':28}{'papermill':>10}{'warm':>8}{'ratio':>8}")
        for name, path in paths.items():
            cold, quick = _medians(options.rounds, lambda path=path: papermill(path), lambda path=path: warm(path))
            ratio = cold / quick
            print(f"{name:28}{cold:10.2f}{quick:8.2f}{ratio:8.1f}   bar ≥ {FASTER}: {_word(ratio >= FASTER)}")
        _throughput(paths["imports"], options.reports)
        memory = unshared(Path(scratch) / "kernel")
        print(f"{'memory a kernel, MB':28}{'':10}{memory:8.0f}{'':8}   bar ≤ {MEGABYTES}: {_word(memory <= MEGABYTES)}")


def _throughput(path: str, reports: int) -> None:
    started = time.perf_counter()
    few = max(1, reports // 4)
    for _ in range(few):
        papermill(path)
    cold = few / (time.perf_counter() - started)
    # Spawned: a fork of this process would have half of what papermill keeps of its kernels.
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        list(pool.map(warm, [path] * WORKERS))  # the workers import papermill
        started = time.perf_counter()
        list(pool.map(warm, [path] * reports))
        quick = reports / (time.perf_counter() - started)
    ratio = quick / cold
    print(f"{'notebooks a minute':28}{60 * cold:10.0f}{60 * quick:8.0f}{ratio:8.1f}   ", end="")
    print(f"bar ≥ {THROUGHPUT}: {_word(ratio >= THROUGHPUT)} ({WORKERS} workers)")


def _medians(rounds: int, *ways: Callable[[], float]) -> list[float]:
    times = [[way() for way in ways] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _write(folder: Path, name: str, cells: list[str]) -> Path:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells], metadata={"kernelspec": kernel}
    )
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def _word(held: bool) -> str:
    return "held" if held else "MISSED"


if __name__ == "__main__":
    main()
