"""Nobody waits without an end for who does not speak, and nobody is served or hit who should not be."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.errors import KernelError
from workbench.kernels import process as processes
from workbench.kernels import zygote as zygotes
from workbench.kernels.client import PromptKernelClient
from workbench.kernels.process import WarmProcess, start_kernel
from workbench.kernels.wire import Request, receive_request, send, send_request
from workbench.kernels.zygote import Zygote

HANGS_UP = 3.0
"""After so many seconds, who does not speak hangs up, so that a test without an end has one."""


@pytest.fixture
def asked() -> Iterator[tuple[Zygote, socket.socket]]:
    """A zygote that somebody has just connected to, in this process, and the other end."""
    here, there = socket.socketpair()
    there.settimeout(HANGS_UP)
    made = Zygote(SimpleNamespace(accept=lambda: (here, None)), -1)  # type: ignore[arg-type]
    yield made, there
    for end in (here, there, made._woken, made._waker, made._selector):
        end.close()


def test_a_request_that_does_not_come_keeps_no_one_else_waiting(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, there = asked
    monkeypatch.setattr(zygotes, "SLOWEST_REQUEST", 0.1)
    there.sendall(b"\x00\x00\x00\x10")  # sixteen bytes, which do not follow
    timer = threading.Timer(HANGS_UP, lambda: there.shutdown(socket.SHUT_RDWR))
    timer.start()
    began = time.monotonic()
    assert made._accept() is None
    timer.cancel()
    timer.join()
    assert time.monotonic() - began < HANGS_UP / 2


def test_another_users_request_is_not_read(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, there = asked
    send_request(there, Request([], "/", {}), [0, 1, 2])
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    monkeypatch.setattr(zygotes, "receive_request", lambda _: pytest.fail("it was read"))
    assert made._accept() is None
    with suppress(ConnectionResetError):  # what was not read is thrown away
        assert there.recv(1) == b"", "it was hung up on"


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        (b"\x00\x00\x00\x02{}", 3),
        (b"\x00\x00\x00\x02[]", 3),
        (b"\x00\x00\x00\x02{", 3),
        (b"\x00\x00\x00\x02\xff\xff", 3),
        (b"\xff\xff\xff\xff", 3),
        (b"\x00\x00", 3),
        (b"\x00\x00\x40\x00" + b"[" * 0x4000, 3),
        (b'\x00\x00\x00\x30{"arguments": [], "cwd": "/", "environment": {}}', 2),
    ],
)
def test_what_is_no_request_is_hung_up_on_and_leaves_no_descriptor(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch, sent: bytes, given: int
) -> None:
    """What was left would be in each later fork, another client's among them."""
    made, there = asked
    monkeypatch.setattr(zygotes, "_fork", lambda: pytest.fail("it was believed"))
    before = descriptors()
    socket.send_fds(there, [sent], [0, 1, 2][:given])
    there.shutdown(socket.SHUT_WR)
    assert made._accept() is None
    assert there.recv(1) == b""
    assert len(before - descriptors()) == 1, "the connection"
    assert descriptors() <= before


def test_a_zygote_that_cannot_fork_says_so_and_goes_on(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its end would be that of all that it has forked before."""
    made, there = asked

    def no_room() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_room)
    before = descriptors()
    send_request(there, Request([], "/", {}), [0, 1, 2])
    assert made._accept() is None
    assert there.recv(1) == b""
    assert made._kernels == {}
    assert len(before - descriptors()) == 1
    assert descriptors() <= before
    assert "no process can be forked: Resource temporarily unavailable" in capfd.readouterr().err


def test_who_asked_and_says_nothing_more_keeps_nobody_waiting(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, there = asked
    monkeypatch.setattr(zygotes, "_fork", lambda: 4_000_000)
    monkeypatch.setattr(zygotes, "SLOWEST_REQUEST", HANGS_UP)
    send_request(there, Request([], "/", {}), [0, 1, 2])
    assert made._accept() is None
    began = time.monotonic()
    made._hear(4_000_000)
    assert time.monotonic() - began < HANGS_UP / 2
    assert set(made._kernels) == {4_000_000}


def test_a_number_that_is_no_signal_ends_nobody(asked: tuple[Zygote, socket.socket]) -> None:
    made, _ = asked
    here, other = socket.socketpair()
    with here, other, subprocess.Popen(["sleep", "8"]) as child:
        made._kernels[child.pid] = here
        made._selector.register(here, 1, child.pid)
        try:
            other.send(bytes([200]))
            made._hear(child.pid)
            assert child.poll() is None
            other.send(bytes([signal.SIGTERM]))
            made._hear(child.pid)
            assert child.wait(5) == -signal.SIGTERM
        finally:
            child.kill()


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The connections over which this process asks."""
    made: list[socket.socket] = []

    def connection(*kind: Any) -> socket.socket:
        made.append(socket.socket(*kind))
        return made[-1]

    monkeypatch.setattr(processes, "socket", SimpleNamespace(socket=connection, AF_UNIX=socket.AF_UNIX))
    return made


def test_a_zygote_that_takes_a_request_and_says_nothing_is_given_up(
    tmp_path: Path, asking: list[socket.socket]
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                over.wait(HANGS_UP)

        over = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(KernelError, match="does not answer"):
            start_kernel(str(tmp_path / "s"), Request([], "/", {}), [0, 1, 2], timeout=0.2)
        over.set()
        thread.join()
        assert [one.fileno() for one in asking] == [-1], "a kernel that comes later ends, since nobody is there"


def test_a_zygote_that_takes_no_one_is_given_up(tmp_path: Path, asking: list[socket.socket]) -> None:
    """Who connects to a full queue waits (unix(7))."""
    with socket.socket(socket.AF_UNIX) as listener, ExitStack() as waiting:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        for _ in range(2):
            one = waiting.enter_context(socket.socket(socket.AF_UNIX))
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(str(tmp_path / "s"))
        timer = threading.Timer(HANGS_UP, listener.close)
        timer.start()
        began = time.monotonic()
        with pytest.raises(KernelError, match="does not answer"):
            start_kernel(str(tmp_path / "s"), Request([], "/", {}), [0, 1, 2], timeout=0.2)
        timer.cancel()
        timer.join()
        assert time.monotonic() - began < HANGS_UP / 2
        assert [one.fileno() for one in asking] == [-1]


@pytest.mark.parametrize("answer", [{"exit": 1}, None])
def test_a_zygote_that_could_not_make_one_is_believed(
    tmp_path: Path, asking: list[socket.socket], answer: dict[str, int] | None
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for descriptor in receive_request(connection)[1]:
                    os.close(descriptor)
                if answer is not None:
                    send(connection, answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(KernelError, match="could not make a kernel"):
            start_kernel(str(tmp_path / "s"), Request([], "/", {}), [0, 1, 2], timeout=HANGS_UP)
        assert [one.fileno() for one in asking] == [-1]
        thread.join()


def test_the_number_of_a_process_that_has_ended_gets_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = socket.socketpair()
    with there:
        process = WarmProcess(here, 4_000_000)
        send(there, {"exit": 3})
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it may be another's by now"))
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 3


@pytest.mark.parametrize(("lives", "said"), [(False, "Kernel died"), (True, "didn't respond in 0.1 seconds")])
def test_a_client_waits_for_no_kernel_that_is_dead_or_silent(
    lives: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alive(_: Any) -> bool:
        return lives

    async def answered(*_: Any) -> bool:
        await asyncio.sleep(0.01)
        return False

    monkeypatch.setattr(PromptKernelClient, "is_alive", alive)
    monkeypatch.setattr(PromptKernelClient, "_answered", answered)
    monkeypatch.setattr(PromptKernelClient, "kernel_info", lambda _: "id")

    async def wait(client: Callable[[], PromptKernelClient]) -> None:
        await asyncio.wait_for(client().wait_for_ready(timeout=0.1), HANGS_UP)

    with pytest.raises(RuntimeError, match=said):
        asyncio.run(wait(PromptKernelClient))


def test_a_fork_lets_go_of_what_is_the_zygotes(fork_says: Callable[[Callable[[], bool]], bool]) -> None:
    """Or a sibling's connection would stay open as long as it lives, and who waits at its other end would wait."""

    def check() -> bool:
        owner, life = os.pipe()
        listener, sibling = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        made = Zygote(listener, owner)
        made._kernels[4_000_000] = sibling
        made._waker.setblocking(False)
        signal.set_wakeup_fd(made._waker.fileno())
        made._let_go()
        with suppress(OSError):
            os.fstat(owner)
            return False
        ends = (listener, sibling, made._woken, made._waker)
        closed = made._selector.get_map() is None and all(end.fileno() == -1 for end in ends)
        return closed and signal.set_wakeup_fd(-1) == -1 and bool(os.fstat(life))

    assert fork_says(check)


def test_who_asked_may_be_gone_when_a_kernel_ends(fork_says: Callable[[Callable[[], bool]], bool]) -> None:
    def check() -> bool:
        made = Zygote(socket.socket(socket.AF_UNIX), -1)
        here, there = socket.socketpair()
        there.close()
        child = os.fork()
        if child == 0:
            os._exit(3)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        made._kernels[child] = here  # no longer listened to: it was heard that nobody is there
        made._reap()
        return made._kernels == {} and here.fileno() == -1

    assert fork_says(check)


def test_a_kernel_that_lives_is_left_alone_when_another_ends(fork_says: Callable[[Callable[[], bool]], bool]) -> None:
    def check() -> bool:
        made = Zygote(socket.socket(socket.AF_UNIX), -1)
        for code in (3, None):
            here, _ = socket.socketpair()
            child = os.fork()
            if child == 0:
                signal.pause() if code is None else os._exit(code)
            made._kernels[child] = here
            if code is not None:
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        made._reap()
        lives = [child] == list(made._kernels) and os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
        return lives

    assert fork_says(check)


class Heard:
    """A connection that says what it is told to."""

    def __init__(self, says: bytes | OSError) -> None:
        self.says, self.end = says, socket.socket(socket.AF_UNIX)

    def fileno(self) -> int:
        return self.end.fileno()

    def recv(self, _: int) -> bytes:
        if isinstance(self.says, OSError):
            raise self.says
        return self.says

    def close(self) -> None:
        self.end.close()


@pytest.mark.parametrize(
    ("says", "killed"),
    [(b"", [7]), (ConnectionResetError(), [7]), (BlockingIOError(), []), (bytes([signal.SIGKILL]), [7])],
)
def test_a_fork_is_killed_when_who_asked_for_it_is_gone_and_not_before(
    asked: tuple[Zygote, socket.socket], monkeypatch: pytest.MonkeyPatch, says: Any, killed: list[int]
) -> None:
    made, _ = asked
    connection: Any = Heard(says)
    hit: list[int] = []
    monkeypatch.setattr(zygotes, "_kill", hit.append)
    made._kernels[7] = connection
    made._selector.register(connection, 1, 7)
    made._hear(7)
    made._hear(8)  # one that was reaped a moment ago
    assert hit == killed
    connection.close()


def test_a_socket_of_another_user_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts one into a folder that all can write to would be handed the environment."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.settimeout(0.1)
        monkeypatch.setattr(os, "getuid", lambda: 12_345)
        with pytest.raises(KernelError, match="no zygote of this user's"):
            start_kernel(str(tmp_path / "s"), Request([], "/", {}), [0, 1, 2], timeout=0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_zygote_that_does_not_end_is_killed(tmp_path: Path) -> None:
    said: list[str] = []

    def wait(seconds: float | None = None) -> None:
        said.append("waited")
        if seconds is not None:
            raise subprocess.TimeoutExpired("zygote", seconds)

    _, life = os.pipe()
    (tmp_path / "z").mkdir()
    process: Any = SimpleNamespace(wait=wait, kill=lambda: said.append("killed"))
    processes._end(process, life, str(tmp_path / "z"))
    assert said == ["waited", "killed", "waited"]
    assert not (tmp_path / "z").exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(life)
