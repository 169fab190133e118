"""Workers that are forked from a process which has imported what their pipelines need."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from workbench.errors import KernelError
from workbench.fleet.body import Body, ColdStart
from workbench.fleet.environment import THREADS
from workbench.fleet.ledger import state_folder
from workbench.kernels.process import ZygoteProcess, ask
from workbench.kernels.wire import Request, receive

__all__ = ["EMBEDDED", "WarmStart"]

EMBEDDED = "embedded"
"""Told to a zygote whose workers' MLflow store is the project's own file."""

PATIENCE = 10.0
"""Seconds for a zygote that is ready to take a request; it does nothing else."""

_OF_PYTHON = ("PYTHON", "LC_", "KEDRO_LOGGING_")
"""How the names begin of what Python and Kedro read when they start, and which is no secret."""


class WarmStart:
    """Forks of one zygote, which begins to import at once; if it cannot be had, new processes instead.

    Args:
        project: the project's folder.
        pipelines: which pipelines the workers will run.
        environ: of a worker, whichever: what says how Python and its threads behave is the zygote's, too.
        say: told why workers start cold, if they do.
    """

    def __init__(
        self, project: Path, pipelines: Collection[str], environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._say = say
        self._cold: ColdStart | None = None
        self._answer = b""
        self._ready, its_end = os.pipe()
        os.set_blocking(self._ready, False)
        parts = {name for group in pipelines for name in group.split("+")}
        names = [name for name in environ if name.startswith(_OF_PYTHON) or name in THREADS]
        log = state_folder(project) / "logs" / "zygote.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("wb") as output:
                self._zygote = ZygoteProcess(
                    [str(its_end), str(os.getpid()), str(project), _store(environ), *sorted(parts)],
                    program="workbench.fleet.zygote",
                    # One thread of NumPy, whatever the workers have: see workbench.kernels.preload.
                    environment={name: environ[name] for name in names} | {"OPENBLAS_NUM_THREADS": "1"},
                    pass_fds=(its_end,),
                    output=output.fileno(),
                )
        except BaseException:
            os.close(self._ready)
            raise
        finally:
            os.close(its_end)
        self._log = log

    @property
    def pid(self) -> int:
        """The zygote's."""
        return self._zygote.pid

    def is_ready(self) -> bool:
        """Whether the zygote has imported, or failed."""
        if self._ready < 0:
            return True
        try:
            data = os.read(self._ready, 65_536)
        except BlockingIOError:
            return False
        self._answer += data
        if data:
            return False
        os.close(self._ready)
        self._ready = -1
        try:
            answer = json.loads(self._answer)
        except ValueError:
            answer = {"error": f"the process that they are forked from died; see {self._log}"}
        if "error" in answer:
            self._fall_back(answer["error"])
        return True

    def __call__(
        self, options: Sequence[str], project: Path, environ: Mapping[str, str], log: int, channel: int
    ) -> Body:
        """Fork one."""
        if self._cold is None:
            try:
                return _Forked(self._ask(options, project, environ, log, channel))
            except KernelError as error:
                self._fall_back(str(error))
        return ColdStart()(options, project, environ, log, channel)

    def close(self) -> None:
        """End the zygote, and what it may still be importing; nothing of it is left that would have to be tidied up."""
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1
        self._zygote.kill()

    def _ask(
        self, options: Sequence[str], project: Path, environ: Mapping[str, str], log: int, channel: int
    ) -> socket.socket:
        request = Request(list(options), str(project), dict(environ))
        with Path(os.devnull).open("rb") as nothing:
            return ask(self._zygote.address, request, [nothing.fileno(), log, log, channel], PATIENCE)

    def _fall_back(self, why: str) -> None:
        self._cold = ColdStart()
        self._say(f"Workers start cold: {why}")


def _store(environ: Mapping[str, str]) -> str:
    """Where the MLflow store is; its address can hold a password, and so is none of the zygote's business."""
    return "elsewhere" if environ.get("MLFLOW_TRACKING_URI") else EMBEDDED


class _Forked:
    """A fork, as far as its connection tells; the zygote gives it signals, and buries it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._code: int | None = None
        self.pid: int | None = None
        self.news: int | None = connection.fileno()

    def signal(self, number: signal.Signals) -> None:
        """Give it a signal."""
        if self._code is None:
            with suppress(OSError):
                self._connection.send(bytes([number]))

    def exit_code(self) -> int | None:
        """None while it lives."""
        while self._code is None and select.select([self._connection], [], [], 0)[0]:
            match receive(self._connection):
                case {"pid": int(pid)}:
                    self.pid = pid
                case {"exit": int(code)}:
                    self._end(code)
                case _:
                    # The zygote is gone, and the kernel has ended all that it had forked.
                    self._end(-signal.SIGKILL)
        return self._code

    def _end(self, code: int) -> None:
        self._code = code
        self._connection.close()
