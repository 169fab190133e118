"""What a zygote imports before it forks, and the check that a fork of it is sound.

POSIX gives a fork one thread: the one that forked. Any other is gone there, with whatever lock it held. So nothing may
run in a zygote but its own thread, and those of libraries that take care of forks themselves.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import KernelError

__all__ = ["FOR_REPORTS", "MODULES", "QUIET", "check_single_threaded", "preload"]

MODULES = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "tornado.platform.asyncio",
    "tornado.queues",
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "ibis",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "mlflow",
)
"""What notebooks of data scientists import. Not torch, DuckDB or gRPC: they start threads, and are imported by whoever
uses them; nor Matplotlib's inline backend, which looks for its shell when it is imported. A module that is not
installed is left out."""

FOR_REPORTS = (
    *MODULES,
    "matplotlib.backends.backend_svg",
    "workbench.notebook",
    "workbench.reports.changes",
    "workbench.reports.charts",
    "workbench.reports.data_quality",
    "workbench.reports.drift",
    "workbench.reports.executive",
    "workbench.reports.fleet_overview",
    "workbench.reports.model_card",
    "workbench.reports.rehearsal:draw",
)
"""For a zygote whose kernels run the templates of one command. Not for one that lives longer, JupyterLab's and the
scheduler's: when somebody edits or updates the workbench, the next kernel is to see that."""

QUIET = {
    # One thread each: an idle pool would be a thread that a fork has not.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns, before anybody debugs, of frozen modules
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}
"""The environment in which a zygote imports; a kernel has its own."""

PATIENCE = 2.0
"""Seconds for a thread to end, or to take on its name: until it has run, it bears that of the one which started it."""

_SOUND = {
    # Arrow's, MLflow's and Polars' allocator stops its background threads before a fork, and starts them after it
    # (jemalloc, src/background_thread.c: background_thread_prefork0).
    "jemalloc_bg_thd",
    # Polars' thread that deletes spilled files waits on a channel and holds no lock; only a query that spills gives it
    # work.
    "polars-ooc-clea",
}


def preload(modules: Iterable[str] = MODULES) -> list[str]:
    """Import modules, those that are installed; the names of those that were.

    Args:
        modules: names; of ``module:function``, the function is called after that.

    Raises:
        KernelError: one of them left a thread running that a fork would lose.
    """
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told again where a person can see them: in the notebook
        for entry in modules:
            name, _, function = entry.partition(":")
            try:
                module = importlib.import_module(name)
            except ModuleNotFoundError:
                continue
            if function:
                getattr(module, function)()
            if name == "duckdb":
                _end_default_database()
            found.append(entry)
            check_single_threaded(entry)
    return found


def _end_default_database() -> None:
    """DuckDB opens a database when it is imported, with a thread a core; it opens another when one is needed."""
    import duckdb

    duckdb.default_connection().close()


def check_single_threaded(after: str) -> None:
    """Whether a fork is sound now.

    Args:
        after: what was imported or done last; named in the error.

    Raises:
        KernelError: a thread runs beside this one.
    """
    deadline = time.monotonic() + PATIENCE
    while (others := _others()) and time.monotonic() < deadline:
        time.sleep(0.01)
    if others:
        raise KernelError(
            f"'{after}' leaves {len(others)} threads running ({', '.join(sorted(set(others)))}), lost in a fork",
            where="a process that others are forked from",
            hint="take it out of the list of modules; who needs it imports it",
        )


def _others() -> list[str]:
    """The names of the threads that a fork would lose."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    if sys.platform == "linux":
        here = threading.get_native_id()
        tasks = (task for task in os.listdir("/proc/self/task") if int(task) != here)  # noqa: PTH208 - names, not paths
        others += [name for task in tasks if (name := _name_of(task)) not in _SOUND]
    return others


def _name_of(task: str) -> str:
    try:
        return Path("/proc/self/task", task, "comm").read_text().strip()
    except FileNotFoundError:  # it has ended since
        return "jemalloc_bg_thd"
