"""Several workers behind one address: a process each, with a model each, and one that starts and watches over them.

Each worker has a listening socket of its own, and the kernel shares new connections out among them (``SO_REUSEPORT``,
socket(7)). The sockets are made here and handed down: what waits in the socket of a worker that has died is answered by
the one that takes its place. What is told to this process is told to all: SIGTERM, Ctrl-C, SIGHUP.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

import orjson

from workbench.files import write_text
from workbench.scratch import private_path
from workbench.serving.board import Board
from workbench.serving.sockets import shared_sockets

if TYPE_CHECKING:
    import socket

    from workbench.serving.options import Options

__all__ = ["METRICS", "Workers"]

logger = logging.getLogger(__name__)

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers' metrics are, to be summed: https://prometheus.github.io/client_python/multiprocess/."""
LOOK = 0.05
SOONEST = 1.0
"""Seconds between two starts of one worker."""


class Workers:
    """The workers of one server.

    Args:
        options: what the server is started with.
        arguments: the command line of a worker, without what only it is told.
    """

    def __init__(self, options: Options, arguments: Sequence[str]) -> None:
        self._options, self._arguments = options, list(arguments)
        self._count = options.workers
        self._stops = 0
        self._was_ready = [False] * self._count
        self._started = [0.0] * self._count

    def run(self) -> int:
        """Serve until a stop; the exit code is 0 after one that was asked for, else that of a worker that failed.

        Raises:
            ConfigurationError: the address is taken, or is none.
        """
        sockets = shared_sockets(self._options.host, self._options.port, self._count)
        self._port = sockets[0].getsockname()[1]
        self._board = Board.made(self._count)
        self._metrics = private_path("metrics")
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._look_again)
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._processes += [self._start(place, one) for place, one in enumerate(sockets)]
            code = self._watch(sockets)
            # The workers' own copies are the last ones now: they take who waits, and close them.
            for one in sockets:
                one.close()
            return self._end(code)
        finally:
            for process in self._processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            for number, handler in before.items():
                signal.signal(number, handler)
            self._board.close()
            shutil.rmtree(self._metrics, ignore_errors=True)

    def _start(self, place: int, listener: socket.socket) -> subprocess.Popen[bytes]:
        self._started[place] = time.monotonic()
        told = f"{place},{listener.fileno()},{self._board.descriptor}"
        command = [sys.executable, *self._arguments, "--workers", str(self._count), "--worker", told, "--with-parent"]
        # A group of its own: Ctrl-C reaches this process alone, which then ends the workers in good order.
        return subprocess.Popen(
            command,
            env={**os.environ, METRICS: str(self._metrics)},
            pass_fds=(listener.fileno(), self._board.descriptor),
            process_group=0,
        )

    def _tell(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        logger.info("%d workers on http://%s:%d", self._count, f"[{host}]" if ":" in host else host, port)
        if self._options.ready_file is not None:
            content = {"host": host, "port": port, "pid": os.getpid()}
            write_text(self._options.ready_file, orjson.dumps(content).decode() + "\n")

    def _watch(self, sockets: Sequence[socket.socket]) -> int:
        """Until a stop is asked for, or a worker cannot serve at all."""
        told = False
        while not self._stops and not self._is_orphan():
            if not told and self._board.all_up:
                told = True
                self._tell(sockets[0])
            for place, process in enumerate(self._processes):
                self._was_ready[place] |= self._board.is_ready(place)
                code = process.poll()
                if code is None:
                    continue
                if not self._was_ready[place]:
                    return code or 1  # it has said why; another try would say the same
                self._replace(place, sockets[place], code)
            time.sleep(LOOK)
        return 0

    def _replace(self, place: int, listener: socket.socket, code: int) -> None:
        if time.monotonic() - self._started[place] < SOONEST:
            return
        logger.error("worker %d ended with exit code %d, and is started again", place + 1, code)
        self._board.clear(place)
        self._forget_metrics(self._processes[place].pid)
        self._processes[place] = self._start(place, listener)

    def _forget_metrics(self, pid: int) -> None:
        """Of a process that has ended, what it counted stays, and what it was at the moment goes."""
        for path in self._metrics.glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    def _end(self, code: int) -> int:
        for process in self._processes:
            self._send(process, signal.SIGTERM)
        told = 1
        while any(process.poll() is None for process in self._processes):
            if self._stops > told:  # whoever asks again does not want to wait
                told = self._stops
                for process in self._processes:
                    self._send(process, signal.SIGTERM)
            time.sleep(LOOK)
        # One that was still on its way up knows no better end than the signal's.
        ends = (0 if one.returncode == -signal.SIGTERM else abs(one.returncode) for one in self._processes)
        return code or max(ends)

    def _is_orphan(self) -> bool:
        parent = self._options.parent
        return parent is not None and os.getppid() != parent

    def _asked(self, _: int, __: FrameType | None) -> None:
        self._stops += 1

    def _look_again(self, number: int, _: FrameType | None) -> None:
        for process in self._processes:
            self._send(process, signal.Signals(number))

    def _send(self, process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                process.send_signal(number)
