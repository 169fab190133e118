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
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import workbench
from workbench.errors import KernelError
from workbench.kernels.preload import QUIET
from workbench.kernels.wire import Request, receive, send_request
from workbench.scratch import SHORT, private_path

__all__ = [
    "ADDRESS",
    "SOURCE",
    "WarmProcess",
    "ZygoteProcess",
    "address_here",
    "ask",
    "shared_zygote",
    "some_zygote",
    "start_kernel",
]

LONGEST_ADDRESS = 107
"""Bytes of a socket's path on Linux, less the zero at its end (unix(7)); a temporary folder may have a longer one."""

ADDRESS = "WORKBENCH_ZYGOTE"
"""Environment variable with the socket of a zygote that this process shares with the one which started it."""

SOURCE = str(Path(workbench.__file__).parents[1])

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH")
"""What a zygote sees of the environment: nothing that could be a secret."""


def _private_folder() -> str:
    """A new folder for a socket, which only this user can enter."""
    folder = private_path("zygote")
    if len(os.fsencode(folder)) <= LONGEST_ADDRESS - len("/socket"):
        return str(folder)
    folder.rmdir()
    return str(private_path("zygote", SHORT))


class ZygoteProcess:
    """A zygote, and the right to end it; it ends with this object, or with this process, however that ends.

    That of kernels imports when it is first asked for one, which waits for that; a zygote that nobody asks costs
    nothing.

    Args:
        arguments: of the program; for kernels what to import, by default :data:`workbench.kernels.preload.MODULES`.
        program: the module that is run; it is given its listening socket and the pipe of its owner before all else.
        environment: what it sees beside what is no secret.
        pass_fds: descriptors that stay open in it.
        output: descriptor of its standard output and error; by default, this process's own.

    Attributes:
        address: its socket, in a folder that only this user can enter.
    """

    def __init__(
        self,
        arguments: Sequence[str] = (),
        *,
        program: str = "workbench.kernels.zygote",
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        output: int | None = None,
    ) -> None:
        folder = _private_folder()
        self.address = str(Path(folder, "socket"))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.address)
        listener.listen(128)
        reader, life = os.pipe()
        seen = {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(environment or {})
        path = os.pathsep.join(filter(None, (SOURCE, seen.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-m", program, str(listener.fileno()), str(reader), *arguments],
            pass_fds=(listener.fileno(), reader, *pass_fds),
            env=QUIET | seen | {"PYTHONPATH": path},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for who holds the terminal
        )
        listener.close()
        os.close(reader)
        self.close = weakref.finalize(self, _end, self._process, life, folder)

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    def wake(self) -> None:
        """Have a zygote of kernels import now, so that the first who asks need not wait for that."""
        _answers(self.address)

    def kill(self) -> None:
        """End it without waiting for what it does; the kernel ends its forks if they asked for that."""
        self._process.kill()
        self.close()


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
    deadline = time.monotonic() + timeout
    connection = ask(address, request, descriptors, timeout)
    try:
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


def ask(address: str, request: Request, descriptors: Sequence[int], timeout: float) -> socket.socket:
    """Send a request; what becomes of it is told on the connection: ``{"pid": …}``, and at the end ``{"exit": …}``.

    Raises:
        KernelError: there is no zygote at the address, or it takes no request.
    """
    if not _is_own_socket(address):
        raise KernelError("there is no zygote of this user's", where=address)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
        send_request(connection, request, descriptors)
    except OSError as error:
        connection.close()
        raise KernelError(f"the zygote does not answer ({error})", where=address) from error
    return connection


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
def some_zygote(modules: Sequence[str] = ()) -> Iterator[None]:
    """The zygote of whoever started this process, if there is one and it lives; else one for the block."""
    if _answers(os.environ.get(ADDRESS, "")):
        yield
    else:
        with shared_zygote(modules):
            yield


def _answers(address: str) -> bool:
    """Whether a zygote listens there: the one of a process that was killed is gone, and its address is still known."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


@contextmanager
def shared_zygote(modules: Sequence[str] = ()) -> Iterator[ZygoteProcess]:
    """A zygote for this process and for all that it starts within the block.

    Args:
        modules: what it imports, by default :data:`workbench.kernels.preload.MODULES`.
    """
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
