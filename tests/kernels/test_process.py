"""Lives and deaths of zygotes and kernels, with real processes."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from workbench.errors import KernelError
from workbench.kernels.birth import become, plain_settings
from workbench.kernels.process import ADDRESS, WarmProcess, ZygoteProcess, shared_zygote, some_zygote, start_kernel
from workbench.kernels.wire import Request

pytestmark = pytest.mark.usefixtures("linux")


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits for its parent to notice has."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.02)
    return False


def test_a_kernel_listens_when_it_is_handed_over(kernel: Callable[..., WarmProcess], tmp_path: Path) -> None:
    process = kernel()
    assert process.poll() is None
    assert os.getpgid(process.pid) == os.getsid(process.pid) == process.pid != os.getpgid(0)
    assert json.loads((tmp_path / "kernel-0.json").read_text())["shell_port"]
    assert Path(f"/proc/{process.pid}/cwd").readlink() == tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_how_it_ended_is_known(kernel: Callable[..., WarmProcess], number: int) -> None:
    process = kernel()
    process.send_signal(number)
    assert process.wait(20) == process.poll() == process.returncode
    assert process.returncode in {-number, 0}
    process.send_signal(signal.SIGKILL)  # must not hit whoever has the number now


def test_one_that_is_woken_imports_before_anybody_asks(tmp_path: Path) -> None:
    (tmp_path / "noticed.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\n")
    zygote = ZygoteProcess(["noticed"], environment={"PYTHONPATH": str(tmp_path)})
    try:
        time.sleep(0.3)
        assert not (tmp_path / "imported").exists()
        zygote.wake()
        assert within(20, (tmp_path / "imported").exists)
    finally:
        zygote.kill()


def test_waiting_has_an_end(kernel: Callable[..., WarmProcess]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        kernel().wait(0.05)


def test_a_kernel_dies_with_who_asked_for_it(zygote: ZygoteProcess, tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from workbench.kernels.process import start_kernel
from workbench.kernels.wire import Request
request = Request(["-f", {str(tmp_path / "k.json")!r}], {str(tmp_path)!r}, dict(os.environ))
kernel = start_kernel({zygote.address!r}, request, [0, 2, 2])
print(kernel.pid, flush=True)
time.sleep(60)
"""
    asker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert asker.stdout
    with asker.stdout:
        pid = int(asker.stdout.readline())
    assert not gone(pid)
    asker.kill()
    asker.wait()
    assert within(10, lambda: gone(pid)), "the kernel outlived who asked for it"
    assert not gone(zygote.pid), "the zygote serves others"


def test_zygote_and_kernels_die_with_their_owner(tmp_path: Path) -> None:
    code = f"""
import os, time
from workbench.kernels.process import ZygoteProcess, start_kernel
from workbench.kernels.wire import Request
zygote = ZygoteProcess(["ipykernel.kernelapp"])
request = Request(["-f", {str(tmp_path / "k.json")!r}], {str(tmp_path)!r}, dict(os.environ))
kernel = start_kernel(zygote.address, request, [0, 2, 2])
print(zygote.pid, kernel.pid, flush=True)
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    with owner.stdout:
        pids = [int(word) for word in owner.stdout.readline().split()]
    owner.kill()
    owner.wait()
    assert within(10, lambda: all(map(gone, pids))), "something outlived its owner"


def test_a_zygote_that_is_killed_takes_its_kernels_along(tmp_path: Path, environment: dict[str, str]) -> None:
    zygote = ZygoteProcess(["ipykernel.kernelapp"])
    process = start_kernel(
        zygote.address, Request(["-f", str(tmp_path / "k.json")], str(tmp_path), environment), [0, 1, 2]
    )
    os.kill(zygote.pid, signal.SIGKILL)
    assert process.wait(20) == -signal.SIGKILL
    assert within(10, lambda: gone(process.pid)), "a kernel without a parent goes on"
    with pytest.raises(KernelError, match="does not answer"):
        start_kernel(zygote.address, Request([], "/", environment), [0, 1, 2], timeout=5)
    zygote.close()


def test_nobody_else_can_reach_it(zygote: ZygoteProcess) -> None:
    assert stat.S_IMODE(Path(zygote.address).parent.stat().st_mode) == 0o700


def test_an_address_that_is_no_socket_of_ours_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/dev/log")
    for name in ("file", "link", "missing"):
        with pytest.raises(KernelError, match="no zygote of this user's"):
            start_kernel(str(tmp_path / name), Request([], "/", environment), [0, 1, 2])


def test_a_broken_request_harms_nobody(zygote: ZygoteProcess, kernel: Callable[..., WarmProcess]) -> None:
    for junk in (b"", b"\x00\x00", b"\x00\x00\x00\x02{}", b"\xff\xff\xff\xff"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(zygote.address)
            connection.sendall(junk)
    assert kernel().poll() is None


def test_no_secret_of_the_owner_reaches_the_zygote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-7731")
    zygote = ZygoteProcess(["json"])
    assert within(10, lambda: b"PATH=" in Path(f"/proc/{zygote.pid}/environ").read_bytes())
    assert b"canary-7731" not in Path(f"/proc/{zygote.pid}/environ").read_bytes()
    zygote.close()


def test_a_fork_has_the_environment_that_was_asked_for_and_nothing_of_the_zygotes(
    monkeypatch: pytest.MonkeyPatch, fork_says: Callable[[Callable[[], bool]], bool]
) -> None:
    def only_that() -> bool:
        become(Request([], "/", {"PATH": "/bin"}), [])
        return dict(os.environ) == {"PATH": "/bin"}

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # a zygote has one thread, a kernel its share of the machine
    assert fork_says(only_that)


def test_a_fork_takes_signals_as_a_new_process_does_and_keeps_no_descriptor_twice(
    tmp_path: Path, fork_says: Callable[[Callable[[], bool]], bool]
) -> None:
    def sound() -> bool:
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ends = [os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("in", "out", "err")]
        become(Request([], str(tmp_path), {}), ends)
        for end in ends:
            with suppress(OSError):
                os.fstat(end)
                return False
        taken = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
        os.write(1, b"said")
        return taken == [signal.SIG_DFL, signal.SIG_DFL, signal.default_int_handler] and os.getsid(0) == os.getpid()

    assert fork_says(sound)
    assert (tmp_path / "out").read_bytes() == b"said"


def test_a_zygote_keeps_of_each_fork_its_connection_alone(
    zygote: ZygoteProcess, kernel: Callable[..., WarmProcess]
) -> None:
    """What it kept open would end its kernels: a process has some thousand descriptors at most."""

    def held() -> int:
        with socket.socket(socket.AF_UNIX) as asks_nothing:
            asks_nothing.connect(zygote.address)
            asks_nothing.shutdown(socket.SHUT_WR)
            assert asks_nothing.recv(1) == b"", "it does one thing after the other: all before is done by now"
        return len(list(Path(f"/proc/{zygote.pid}/fd").iterdir()))

    kernel()
    before = held()
    kernel()
    assert held() == before + 1


def test_a_kernel_holds_neither_its_siblings_connections_nor_the_zygotes_own(
    zygote: ZygoteProcess, kernel: Callable[..., WarmProcess]
) -> None:
    """Or one client's notebook could speak for another's kernel, and ask the zygote for more."""

    def held(pid: int) -> set[str]:
        links = (path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir() if int(path.name) > 2)
        return {str(link) for link in links if str(link).startswith(("socket:", "pipe:"))}

    kernel()
    second = kernel().pid
    assert len(held(zygote.pid)) > 4, "its listener, its owner, its own pair, and two connections"
    assert within(5, lambda: not held(zygote.pid) & held(second))


@pytest.mark.usefixtures("silent_keyboard")
def test_a_zygote_stands_apart_from_who_started_it() -> None:
    before = descriptors()
    zygote = ZygoteProcess(["json"])
    proc = Path(f"/proc/{zygote.pid}")
    assert within(5, lambda: b"workbench.kernels.zygote" in (proc / "cmdline").read_bytes())
    assert os.getsid(zygote.pid) == zygote.pid, "Ctrl-C is for who holds the terminal"
    assert (proc / "cwd").readlink() == Path("/")
    assert (proc / "fd" / "0").readlink() == Path("/dev/null")
    assert b"-P" in (proc / "cmdline").read_bytes().split(b"\0"), "nothing of a working folder is imported"
    assert len(descriptors() - before) == 1, "its life"
    zygote.close()
    assert descriptors() == before


def test_a_zygote_ends_with_its_object() -> None:
    zygote = ZygoteProcess(["json"])
    pid, folder = zygote.pid, Path(zygote.address).parent
    del zygote
    gc.collect()
    assert within(10, lambda: gone(pid))
    assert not folder.exists()


def test_a_zygote_that_is_busy_is_killed_at_once(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text("import time; time.sleep(8)")
    zygote = ZygoteProcess(program="busy", environment={"PYTHONPATH": str(tmp_path)})
    began = time.monotonic()
    zygote.kill()
    assert time.monotonic() - began < 4
    assert gone(zygote.pid)


def test_what_has_ended_leaves_no_descriptor(kernel: Callable[..., WarmProcess]) -> None:
    before = descriptors()
    process = kernel()
    assert len(descriptors() - before) == 1
    process.kill()
    process.wait(20)
    assert descriptors() == before


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


@pytest.mark.parametrize("address", [None, "/before"])
def test_it_is_shared_for_the_length_of_a_block(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    if address is not None:
        monkeypatch.setenv(ADDRESS, address)
    with shared_zygote(["json"]) as zygote:
        assert os.environ[ADDRESS] == zygote.address
    assert os.environ.get(ADDRESS) == address
    assert not Path(zygote.address).parent.exists()
    assert gone(zygote.pid)


def test_a_zygote_that_is_there_is_taken_and_one_that_is_gone_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with shared_zygote(["json"]) as zygote, some_zygote():
        assert os.environ[ADDRESS] == zygote.address
    monkeypatch.setenv(ADDRESS, zygote.address)
    with some_zygote():
        assert os.environ[ADDRESS] != zygote.address
    assert os.environ[ADDRESS] == zygote.address


def test_a_long_temporary_folder_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path has at most 107 bytes; somebody's folder for temporary files may have more."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    zygote = ZygoteProcess(())
    try:
        assert len(zygote.address) <= 107
        assert list(long.iterdir()) == []
    finally:
        zygote.close()


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        (["-f", "k.json", "--HistoryManager.enabled=False"], {"IPKernelApp": "k.json", "HistoryManager": "False"}),
        (["--IPKernelApp.connection_file=a=b"], {"IPKernelApp": "a=b"}),
        (["--IPythonKernel._execute_sleep=0"], {"IPythonKernel": "0"}),
        (["-f", "k.json", "--debug"], None),
        (["-f"], None),
        (["--A.b=1", "--A.b=2"], None),
        (["--matplotlib=inline"], None),
    ],
)
def test_a_plain_command_line_is_read_without_the_parser_of_ipykernel(arguments, read) -> None:
    settings = plain_settings(arguments)
    found = settings and {owner: str(next(iter(section.values()))) for owner, section in settings.items()}
    assert found == read
