"""The process that kernels are forked from: ``python -P -m workbench.kernels.zygote LISTENER OWNER [MODULE …]``.

It has one thread, a listening socket, and a connection for each kernel that lives. It forks when asked, tells the one
who asked when the kernel has ended, and kills a kernel whose connection is closed. It ends when its owner does.
"""

from __future__ import annotations

import gc
import os
import select
import selectors
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass

from workbench.kernels.birth import become, run_kernel
from workbench.kernels.pages import gather
from workbench.kernels.preload import MODULES, check_single_threaded, preload
from workbench.kernels.wire import Request, receive_request, send

__all__ = ["Newborn", "Zygote", "main"]

SLOWEST_REQUEST = 10.0
"""Seconds for a request to arrive; it is sent in one go, so longer is a client that hangs."""


@dataclass(frozen=True)
class Newborn:
    """A fork that is to be a kernel, or a worker.

    Attributes:
        request: what kernel.
        connection: to who asked for it.
        descriptors: what came with the request beside standard input, output and error.
    """

    request: Request
    connection: socket.socket
    descriptors: tuple[int, ...] = ()

    def announce(self) -> None:
        """Tell that the kernel listens, and leads a process group of its own."""
        send(self.connection, {"pid": os.getpid()})
        self.connection.close()


class Zygote:
    """The loop.

    Args:
        listener: a listening Unix socket.
        owner: the end of a pipe that the owner holds the other end of; it is never written to.
        ends_groups: whether what a fork has started ends with it, however it ended.
    """

    def __init__(self, listener: socket.socket, owner: int, *, ends_groups: bool = False) -> None:
        self._listener, self._owner, self._ends_groups = listener, owner, ends_groups
        self._kernels: dict[int, socket.socket] = {}  # pid to who asked for it
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()

    def serve(self) -> Newborn | None:
        """Serve until the owner is gone: then None. In each fork, it returns what the fork is to be."""
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, or the descriptor is not written to
        for source in (self._listener, self._owner, self._woken):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    newborn = self._accept()
                    if newborn is not None:
                        return newborn
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                elif key.fileobj == self._owner:
                    self._end()
                    return None
                else:
                    self._hear(key.data)

    def _accept(self) -> Newborn | None:
        """Fork for one who asks."""
        connection, _ = self._listener.accept()
        if not _same_user(connection):
            connection.close()
            return None
        connection.settimeout(SLOWEST_REQUEST)
        try:
            request, descriptors = receive_request(connection)
        except (OSError, ValueError, TypeError, EOFError, RecursionError):
            connection.close()
            return None
        pid = _fork()
        if pid == 0:
            self._let_go()
            become(request, descriptors)
            return Newborn(request, connection, tuple(descriptors[3:]))
        for descriptor in descriptors:
            os.close(descriptor)
        if pid is None:
            connection.close()
            return None
        connection.setblocking(False)
        self._kernels[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ, pid)
        return None

    def _let_go(self) -> None:
        """Close, in a fork, what is the zygote's."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for end in (self._listener, self._woken, self._waker, *self._kernels.values()):
            end.close()
        os.close(self._owner)

    def _reap(self) -> None:
        while self._kernels:
            # Looked at first and waited for later: until then nobody else can get its number, so the group is its own.
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            if self._ends_groups:
                _kill(found.si_pid)
            pid, status = os.waitpid(found.si_pid, 0)
            connection = self._kernels.pop(pid)
            with suppress(KeyError):  # who asked for it was gone before
                self._selector.unregister(connection)
            with suppress(OSError):
                send(connection, {"exit": os.waitstatus_to_exitcode(status)})
            connection.close()

    def _hear(self, pid: int) -> None:
        """Who asked for a fork wants a signal given, or is gone; then this is the fork's end."""
        if pid not in self._kernels:  # it was reaped a moment ago
            return
        try:
            signals = self._kernels[pid].recv(64)
        except BlockingIOError:
            return
        except OSError:
            signals = b""
        for number in signals:
            if number == signal.SIGKILL:
                _kill(pid)
            else:
                with suppress(OSError):  # no signal has that number
                    os.kill(pid, number)
        if not signals:
            self._selector.unregister(self._kernels[pid])
            _kill(pid)

    def _end(self) -> None:
        for pid in self._kernels:
            _kill(pid)


def _fork() -> int | None:
    """As `os.fork`; None if there is no room for another process, which is no reason to end those that live."""
    try:
        return os.fork()
    except OSError as error:
        print(f"no process can be forked: {error.strerror}", file=sys.stderr)  # noqa: T201
        return None


def _kill(pid: int) -> None:
    # Not reaped yet, so the number is still this process's; its group is its own as soon as it has become a kernel.
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _same_user(connection: socket.socket) -> bool:
    """The folder of the socket is private already; on Linux the kernel tells who is there."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return bool(user == os.getuid())


def main(arguments: list[str]) -> None:
    """Import when it is first asked for a kernel, then serve; a fork leaves by the same door, as a kernel."""
    listener = socket.socket(fileno=int(arguments[0]))
    owner = int(arguments[1])
    # Until somebody asks, it costs next to nothing.
    if owner in select.select([listener.fileno(), owner], [], [])[0]:
        return
    gc.disable()  # nothing that is imported goes again; looking through it again and again takes a quarter of the time
    preload(arguments[2:] or MODULES)
    gc.freeze()
    from workbench.kernels.application import prepare

    prepare()
    check_single_threaded("the application")
    # What is there is there for good: a collection would write to pages that forks share.
    gc.collect()
    gc.freeze()
    gc.enable()
    gather()
    newborn = Zygote(listener, owner).serve()
    if newborn is not None:
        run_kernel(newborn.request.arguments, newborn.announce)


if __name__ == "__main__":
    main(sys.argv[1:])
