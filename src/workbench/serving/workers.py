"""Several workers behind one address: a process each, with a model each, and one that starts and watches over them.

Each worker has a listening socket of its own, and the kernel shares new connections out among them (``SO_REUSEPORT``,
socket(7)). The sockets are made here and handed down: what waits in the socket of a worker that has died is answered by
the one that takes its place. If that one cannot come up, its socket is closed, so that nobody waits there for ever: the
others take all connections, and whoever comes up at last begins to listen anew. What is told to this process is told to
all: SIGTERM, Ctrl-C, SIGHUP.
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
from types import FrameType
from typing import TYPE_CHECKING

import orjson

from workbench.errors import ConfigurationError, Transient
from workbench.files import write_text
from workbench.scratch import private_path
from workbench.serving.board import Board
from workbench.serving.seats import Seat, exit_code
from workbench.serving.sockets import shared_socket, shared_sockets

if TYPE_CHECKING:
    from workbench.serving.options import Options

__all__ = ["METRICS", "Workers"]

logger = logging.getLogger(__name__)

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers' metrics are, to be summed: https://prometheus.github.io/client_python/multiprocess/."""
LOOK = 0.05
LEAVE = 30.0
"""Seconds that a worker may take to end beside what it waits for requests; one that takes longer hangs."""


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
        self._seats: list[Seat] = []

    def run(self) -> int:
        """Serve until a stop; the exit code is 0 after one that was asked for, else that of a worker that failed.

        Raises:
            ConfigurationError: the address is taken, or is none.
            Transient: the system starts no process.
        """
        self._seats = [Seat(one) for one in shared_sockets(self._options.host, self._options.port, self._count)]
        self._board = Board.made(self._count)
        self._metrics = private_path("metrics")
        before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._look_again)
        try:
            self._start_all()
            code = self._watch()
            # The workers' own copies are the last ones now: they take who waits, and close them.
            for seat in self._seats:
                seat.listener.close()
            return self._end(code)
        finally:
            for seat in self._seats:
                seat.kill()
                seat.listener.close()
            for number, handler in before.items():
                signal.signal(number, handler)
            self._board.close()
            shutil.rmtree(self._metrics, ignore_errors=True)

    def _start_all(self) -> None:
        try:
            for place in range(self._count):
                self._start(place)
        except OSError as error:
            raise Transient(
                f"the system starts no process ({error.strerror})",
                where=f"{self._count} workers",
                hint="free some memory, or take fewer workers",
            ) from error

    def _start(self, place: int) -> None:
        seat = self._seats[place]
        told = f"{place},{seat.listener.fileno()},{self._board.descriptor}"
        command = [sys.executable, *self._arguments, "--workers", str(self._count), "--worker", told]
        # A group of its own: Ctrl-C reaches this process alone, which then ends the workers in good order.
        process = subprocess.Popen(
            [*command, "--with-parent", str(os.getpid())],
            env={**os.environ, METRICS: str(self._metrics)},
            pass_fds=(seat.listener.fileno(), self._board.descriptor),
            process_group=0,
        )
        seat.taken_by(process)

    def _tell(self) -> None:
        host, port = self._address()
        logger.info("%d workers on http://%s:%d", self._count, f"[{host}]" if ":" in host else host, port)
        if self._options.ready_file is not None:
            content = {"host": host, "port": port, "pid": os.getpid()}
            write_text(self._options.ready_file, orjson.dumps(content).decode() + "\n")

    def _address(self) -> tuple[str, int]:
        host, port = self._seats[0].listener.getsockname()[:2]
        return str(host), int(port)

    def _watch(self) -> int:
        """Until a stop is asked for, or no worker can serve."""
        told = False
        while not self._stops and not self._is_orphan():
            if not told and self._board.all_up:
                told = True
                self._tell()
            for place, seat in enumerate(self._seats):
                if self._board.is_ready(place):
                    seat.note_ready()
                code = seat.process.poll() if seat.process is not None else None
                if code is None:
                    continue
                if not seat.was_ready or self._nobody_is_left():
                    return exit_code(code) or 1  # it has said why; another try would say the same
                self._replace(place, code)
            time.sleep(LOOK)
        return 0

    def _nobody_is_left(self) -> bool:
        return all(seat.failures and not seat.lives for seat in self._seats)

    def _replace(self, place: int, code: int) -> None:
        """Start another one at the place of one that has ended, when it is time for that."""
        seat = self._seats[place]
        if not seat.ended:
            self._note_end(place, code)
        if not seat.is_due:
            return
        try:
            self._start(place)
        except OSError as error:
            logger.error("worker %d cannot be started (%s)", place + 1, error.strerror)  # noqa: TRY400
            self._take_out(place)

    def _note_end(self, place: int, code: int) -> None:
        seat, ready = self._seats[place], self._board.is_ready(place)
        seat.ended = True
        said = "is started again" if ready else "could not come up; it is tried again later"
        logger.error("worker %d ended with exit code %d, and %s", place + 1, code, said)
        self._forget_metrics(seat, ready=ready)
        if ready:
            self._board.clear(place)
        else:
            self._take_out(place)

    def _take_out(self, place: int) -> None:
        """Let no connection wait where nobody may come up soon: those that do are reset, new ones go to the others."""
        seat = self._seats[place]
        seat.note_failure()
        try:
            fresh = shared_socket(*self._address())
        except ConfigurationError as error:
            logger.error("connections wait for worker %d: %s", place + 1, error)  # noqa: TRY400
            return
        seat.listener.close()
        seat.listener = fresh
        self._board.clear(place, out=True)

    def _forget_metrics(self, seat: Seat, *, ready: bool) -> None:
        """Of a process that has ended, what it counted stays, and what it was at the moment goes."""
        assert seat.process is not None  # noqa: S101 - it has ended
        for path in self._metrics.glob(f"{'gauge_live*' if ready else '*'}_{seat.process.pid}.db"):
            path.unlink(missing_ok=True)

    def _end(self, code: int) -> int:
        """Ask all that live to end, and wait for them; who hangs is killed."""
        living = [seat for seat in self._seats if seat.lives]
        patience = time.monotonic() + self._options.serving.drain_seconds + LEAVE
        told = 0
        while any(seat.lives for seat in living):
            if max(self._stops, 1) > told:  # whoever asks again does not want to wait
                told = max(self._stops, 1)
                for seat in living:
                    seat.send(signal.SIGTERM)
            if time.monotonic() > patience:
                logger.error("what does not end %g seconds after it was asked to is killed", LEAVE)
                for seat in living:
                    seat.kill()
            time.sleep(LOOK)
        returned = [seat.process.returncode for seat in living if seat.process is not None]
        # One that was still on its way up knows no better end than the signal's.
        return code or max((0 if one == -signal.SIGTERM else exit_code(one) for one in returned), default=0)

    def _is_orphan(self) -> bool:
        parent = self._options.parent
        return parent is not None and os.getppid() != parent

    def _asked(self, _: int, __: FrameType | None) -> None:
        self._stops += 1

    def _look_again(self, number: int, _: FrameType | None) -> None:
        for place, seat in enumerate(self._seats):
            if self._board.is_up(place):  # one that is on its way up reads the file anyway, and would die of the signal
                seat.send(signal.Signals(number))
