"""A Jupyter kernel that cannot outlive its report. Imports Jupyter: import this module where it is used."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any

from jupyter_client.manager import KernelManager

from workbench.kernels.process import ADDRESS, SOURCE
from workbench.kernels.provisioner import LONGEST_FOLDER
from workbench.kernels.spec import OneKernel

__all__ = ["ReportKernel", "report_kernel"]

_SEEN = frozenset({
    "COVERAGE_PROCESS_START", "CUDA_VISIBLE_DEVICES", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "HOME", "LANG", "LANGUAGE",
    "LD_LIBRARY_PATH", "LOGNAME", "PATH", "POLARS_MAX_THREADS", "PYTHONHASHSEED", "PYTHONWARNINGS", "RAYON_NUM_THREADS",
    "SOURCE_DATE_EPOCH", "TEMP", "TMP", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV", "WORKBENCH_STAGE", "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME",
})  # fmt: skip
_SEEN_PREFIXES = ("LC_", "MKL_", "OMP_", "OPENBLAS_")
"""An allow-list, for a list of what is secret is never whole: ``DATABASE_URL``, ``HTTPS_PROXY`` with a password."""


class ReportKernel(KernelManager):
    """One kernel, and whether its time ran out."""

    timed_out = False
    _clients: tuple[Any, ...] = ()

    def client(self, **arguments: Any) -> Any:
        """A client whose channels :meth:`end` closes; nbclient leaves open what it did not make."""
        client = super().client(**arguments)
        self._clients += (client,)
        return client

    def start_kernel(self, **options: Any) -> None:
        """Start the kernel: jupyter_client's steps, without the 10 ms that it sleeps so that its own tests can look."""
        self._attempted_start = True
        command, options = self.pre_start_kernel(**options)
        self._launch_kernel(command, **options)
        self.post_start_kernel(**options)

    def run_out(self) -> None:
        """Kill the kernel and whatever it started, because its time is over; runs in the timer's thread."""
        self.timed_out = True
        self._kill_group()

    def end(self) -> None:
        """Kill the process group, also if its leader is gone already, and close the channels; wait until it is gone."""
        self._kill_group()
        for client in self._clients:
            client.stop_channels()
        process = getattr(self.provisioner, "process", None)
        if process is not None:
            process.wait()  # jupyter_client would look every tenth of a second
        self.cleanup_resources()

    def _kill_group(self) -> None:
        # The kernel leads a process group of its own: it was started in a new session.
        group: int | None = getattr(self.provisioner, "pgid", None)
        if group:  # 0 would be our own
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


@contextmanager
def report_kernel(folder: Path, timeout_seconds: float, memory_mb: int | None = None) -> Iterator[ReportKernel]:
    """Start a kernel of this very Python in ``folder``; when the block or its time ends, kill its process group.

    No kernel specification, startup file or history of the user's is read, so a report is the same for everybody. It
    talks over sockets in ``folder`` rather than ports, which the kernels of a fleet would race for. It is warm if the
    one who started this process shares a zygote.

    Args:
        folder: a private folder; the kernel's working directory is ``folder/work``.
        timeout_seconds: wall-clock seconds from the start of the kernel.
        memory_mb: what the kernel may take beyond what it starts with; more is a ``MemoryError`` in its cell.
    """
    work = folder / "work"
    work.mkdir()
    sockets = {"transport": "ipc", "ip": str(folder / "kernel")} if len(str(folder)) <= LONGEST_FOLDER else {}
    kernel = ReportKernel(
        kernel_name="python3",
        kernel_spec_manager=OneKernel(warm=ADDRESS in os.environ),
        **sockets,
        connection_file=str(folder / "kernel.json"),
        client_class="workbench.kernels.client.PromptKernelClient",
    )
    timer = Timer(timeout_seconds, kernel.run_out)
    timer.daemon = True
    kernel.start_kernel(cwd=str(work), env=_environment(folder))
    try:
        if memory_mb is not None:
            _limit_memory(getattr(kernel.provisioner, "pid", None), memory_mb)
        timer.start()
        yield kernel
    finally:
        timer.cancel()
        kernel.end()


def _limit_memory(pid: int | None, megabytes: int) -> None:
    """Limit a process's data: what it writes to and shares with nobody (Linux counts mappings since 4.7, getrlimit(2)).

    Its address space would be the wrong measure: a kernel maps gigabytes that it never touches. Elsewhere than on Linux
    there is no limit.
    """
    if pid is None or not hasattr(resource, "prlimit"):
        return
    with suppress(OSError, ValueError, StopIteration):  # what has ended has no data
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        now = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmData"))
        limit = 1024 * now + 1024 * 1024 * megabytes
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def _environment(folder: Path) -> dict[str, str]:
    """What a template may see: where programs, fonts and words lie, and its share of the machine; nothing secret.

    Its data are handed over in files, so it needs no store, no database and nobody's login.
    """
    seen = {name: value for name, value in os.environ.items() if name in _SEEN or name.startswith(_SEEN_PREFIXES)}
    return seen | {
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "agg",
        # The notebook runs the code that renders it, even from another copy of the project.
        "PYTHONPATH": os.pathsep.join(filter(None, (SOURCE, os.environ.get("PYTHONPATH", "")))),
    }
