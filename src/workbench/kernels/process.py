"""Starts a zygote, and asks one for kernels."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import workbench
from workbench.errors import KernelError
from workbench.kernels.preload import QUIET
from workbench.kernels.wire import Request, receive, send_request

__all__ = ["ADDRESS", "SOURCE", "WarmProcess", "ZygoteProcess", "address_here", "shared_zygote", "start_kernel"]

ADDRESS = "WORKBENCH_ZYGOTE"
"""Environment variable with the socket of a zygote that this process shares with the one which started it."""

SOURCE = str(Path(workbench.__file__).parents[1])

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")
"""What a zygote sees of the environment: nothing that could be a secret."""


class ZygoteProcess:
    """A zygote, and the right to end it; it ends with this object, or with this process, however that ends.

    It imports when it is first asked for a kernel, which waits for that; a zygote that nobody asks costs nothing.

    Args:
        modules: what it imports; by default :data:`workbench.kernels.preload.MODULES`.

    Attributes:
        address: its socket, in a folder that only this user can enter.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        folder = tempfile.mkdtemp(prefix="workbench-zygote-")
        self.address = str(Path(folder, "socket"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.address)
        listener.listen(128)
        reader, life = os.pipe()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | QUIET
        path = os.pathsep.join(filter(None, (SOURCE, environment.get("PYTHONPATH", ""))))
        arguments = [str(listener.fileno()), str(reader), *modules]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "workbench.kernels.zygote", *arguments],
            pass_fds=(listener.fileno(), reader),
            env=environment | {"PYTHONPATH": path},
            cwd="/",
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for who holds the terminal
        )
        listener.close()
        os.close(reader)
        self.close = weakref.finalize(self, _end, self._process, life, folder)

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid


def _end(process: subprocess.Popen[bytes], life: int, folder: str) -> None:
    os.close(life)  # what the zygote takes for the end of its owner
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


class WarmProcess:
    """A kernel's process, as far as jupyter_client asks of a ``subprocess.Popen``. It lives no longer than this object.

    Attributes:
        pid: also the id of its session and process group.
        returncode: None while it runs; negative is the signal that ended it.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection, self.pid = connection, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The return code, if it has ended."""
        return self._heard(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            TimeoutExpired: it still runs after so many seconds.
        """
        code = self._heard(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(["kernel"], timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended: its number may be another's then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _heard(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            message = receive(self._connection)
            # Without the zygote there is nobody to ask; a kernel ends itself when it misses its parent.
            self.returncode = message["exit"] if message else -signal.SIGKILL
            self._connection.close()
        return self.returncode


def start_kernel(address: str, request: Request, descriptors: Sequence[int], timeout: float = 60.0) -> WarmProcess:
    """Have a kernel forked.

    Args:
        address: the zygote's socket.
        request: what kernel.
        descriptors: its standard input, output and error; they stay open here.
        timeout: seconds to wait for a zygote that is still importing.

    Raises:
        KernelError: there is no zygote at the address, or it failed.
    """
    if not _is_own_socket(address):
        raise KernelError("there is no zygote of this user's", where=address)
    deadline = time.monotonic() + timeout
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
        send_request(connection, request, descriptors)
        connection.settimeout(max(0.1, deadline - time.monotonic()))
        message = receive(connection)
    except OSError as error:
        connection.close()
        raise KernelError(f"the zygote does not answer ({error})", where=address) from error
    if message is None or "pid" not in message:
        connection.close()
        raise KernelError("the zygote could not make a kernel; it says why on standard error", where=address)
    connection.settimeout(None)
    return WarmProcess(connection, message["pid"])


def _is_own_socket(address: str) -> bool:
    try:
        found = os.lstat(address)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid()


def address_here() -> str:
    """The zygote that this process shares with the one which started it, or else one of its own."""
    return os.environ.get(ADDRESS) or _own().address


@cache
def _own() -> ZygoteProcess:
    return ZygoteProcess()


@contextmanager
def shared_zygote(modules: Sequence[str] = ()) -> Iterator[ZygoteProcess]:
    """A zygote for this process and for all that it starts within the block."""
    zygote = ZygoteProcess(modules)
    before = os.environ.get(ADDRESS)
    os.environ[ADDRESS] = zygote.address
    try:
        yield zygote
    finally:
        if before is None:
            del os.environ[ADDRESS]
        else:
            os.environ[ADDRESS] = before
        zygote.close()
