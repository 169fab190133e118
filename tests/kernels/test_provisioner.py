"""A warm kernel is a kernel like any other, and shares nothing with its siblings."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from workbench.kernels import provisioner
from workbench.kernels.process import ADDRESS, SOURCE, WarmProcess, ZygoteProcess
from workbench.kernels.provisioner import NAME, WarmProvisioner
from workbench.kernels.spec import SHARE, OneKernel
from workbench.kernels.wire import send


class Session:
    """A kernel and one who talks to it."""

    def __init__(self, **options: Any) -> None:
        self.manager = KernelManager(kernel_name="python3", kernel_spec_manager=OneKernel(warm=True))
        self.manager.start_kernel(**options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> str:
        said: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "error":
                said.append(content["ename"])
            said.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

        self.client.execute_interactive(code, output_hook=hear, timeout=60)
        return "".join(said).strip()

    def hear(self, kind: str) -> dict[str, Any]:
        while (message := self.client.get_iopub_msg(timeout=60))["msg_type"] != kind:
            pass
        return message["content"]

    @property
    def is_warm(self) -> bool:
        return isinstance(self.manager.provisioner.process, WarmProcess)

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def start(zygote: ZygoteProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Session]]:
    monkeypatch.setenv(ADDRESS, zygote.address)
    started: list[Session] = []

    def one(**options: Any) -> Session:
        started.append(Session(**options))
        return started[-1]

    yield one
    for session in started:
        session.end()


def test_jupyter_finds_it() -> None:
    (found,) = entry_points(group="jupyter_client.kernel_provisioners", name=NAME)
    assert found.load() is WarmProvisioner


def test_siblings_share_nothing(start: Callable[..., Session], tmp_path: Path) -> None:
    state = (
        "import os, random, sys; import numpy; from pathlib import Path\n"
        "print(json_ := __import__('json').dumps([os.getpid(), os.getcwd(), random.random(), float(numpy.random.rand()),"
        " os.environ.get('SECRET'), os.environ.get('TZ'), __import__('time').tzname[0], 'left' in globals()]))"
    )
    seen = []
    for name, zone in (("one", "Asia/Tokyo"), ("two", "UTC")):
        folder = tmp_path / name
        folder.mkdir()
        session = start(cwd=str(folder), env={"PATH": os.environ["PATH"], "SECRET": f"canary-{name}", "TZ": zone})
        assert session.is_warm
        session.run("left = 1; import sys; sys.path.insert(0, '/canary'); import json; json.canary = 1")
        seen.append(json.loads(session.run(state)))
        folder_there, secret = seen[-1][1], seen[-1][4]
        assert (Path(folder_there), secret) == (folder, f"canary-{name}")
    one, two = seen
    assert all(mine != yours for mine, yours in zip(one[:6], two[:6], strict=True)), seen
    assert (one[6], two[6]) == ("JST", "UTC")
    third = start()
    assert third.run(
        "'left' in globals(), '/canary' in __import__('sys').path, hasattr(__import__('json'), 'canary')"
    ) == ("(False, False, False)")


def test_it_is_interrupted_restarted_and_shut_down(start: Callable[..., Session]) -> None:
    session = start()
    session.client.execute("import time; print('begun', flush=True); time.sleep(60)")
    session.hear("stream")
    first = session.manager.provisioner.pid
    session.manager.interrupt_kernel()
    assert session.hear("error")["ename"] == "KeyboardInterrupt"
    session.manager.restart_kernel()
    session.client.wait_for_ready(timeout=60)
    assert session.is_warm
    assert session.manager.provisioner.pid != first
    assert session.run("2 + 2") == "4"
    session.manager.shutdown_kernel()
    assert not session.manager.is_alive()


def test_a_relative_folder_is_that_of_who_asks(
    start: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    session = start(cwd="here")
    assert session.is_warm
    assert session.run("import os; print(os.getcwd())") == str(tmp_path / "here")


def test_pictures_come_as_from_a_cold_kernel(start: Callable[..., Session]) -> None:
    draw = "import matplotlib.pyplot as plt; plt.plot([1, 2]); print(plt.get_backend())"
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    shown = start(env=environment).run(draw)
    assert "backend_inline" in shown
    assert "<Figure size" in shown, "the inline backend has not found its shell"
    assert start(env=environment | {"MPLBACKEND": "agg"}).run(draw) == "agg"


def test_a_kernel_that_a_fork_would_not_equal_is_started_cold(start: Callable[..., Session], tmp_path: Path) -> None:
    (tmp_path / "only_here.py").write_text("")
    session = start(env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert not session.is_warm
    assert session.run("import only_here; 1") == "1"


def test_without_a_zygote_it_is_started_cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ADDRESS, str(tmp_path / "nobody"))
    session = Session()
    try:
        assert not session.is_warm
        assert session.run("1 + 1") == "2"
    finally:
        session.end()


def test_jupyterlab_offers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(SHARE))
    spec = KernelSpecManager().get_kernel_spec("workbench_warm")
    assert spec.display_name == "Workbench (warm)"
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == NAME
    manager = KernelManager(kernel_name="workbench_warm")
    assert manager.format_kernel_cmd()[:3] == [sys.executable, "-m", "ipykernel_launcher"]


def test_it_talks_in_a_private_folder_and_says_nothing_when_it_starts(
    start: Callable[..., Session], capfd: pytest.CaptureFixture[str]
) -> None:
    session = start()
    folder = Path(session.manager.ip).parent
    assert session.manager.transport == "ipc"
    assert folder.stat().st_mode & 0o077 == 0
    session.manager.restart_kernel(now=True)
    session.client.wait_for_ready(timeout=60)
    assert session.run("1 + 1") == "2"
    session.end()
    assert not folder.exists()
    assert capfd.readouterr().err == ""


def test_no_kernel_walks_through_what_all_share(start: Callable[..., Session]) -> None:
    """To look at an object is to write to it. Each walk through all modules would cost 5 to 17 MB."""
    rollup = start().run("from pathlib import Path; print(Path('/proc/self/smaps_rollup').read_text())")
    private = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")]
    assert sum(private) / 1024 < 20


def test_what_the_zygote_found_out_a_kernel_knows(start: Callable[..., Session]) -> None:
    session = start()
    modules = "{module.__file__ for module in list(sys.modules.values()) if getattr(module, '__file__', None)}"
    asked = f"import sys; known = set(get_ipython().kernel.debugger.kernel_modules); all_ = {modules}"
    session.run(asked)
    assert session.run("sorted(all_ - known)") == "[]"
    assert session.run("len(known) > 500, known <= all_, sys.modules['ipykernel.ipkernel'].sys is sys") == (
        "(True, True, True)"
    )
    session.run("import tabnanny; assert 'tabnanny' in sys.modules")
    session.run("%reset -f --aggressive")
    assert session.run("import sys; 'tabnanny' in sys.modules, 'numpy' in sys.modules") == "(False, True)"


def test_what_a_persons_own_settings_import_is_known_too(start: Callable[..., Session], tmp_path: Path) -> None:
    """IPython reads them in the fork: the zygote knows nothing of whoever it is."""
    profile = tmp_path / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("import tabnanny")
    (profile / "startup" / "first.py").write_text("import pyclbr")
    session = start(env={**os.environ, "IPYTHONDIR": str(tmp_path)})
    assert session.is_warm
    known = "import sys; get_ipython().kernel.debugger.kernel_modules.count(sys.modules['tabnanny'].__file__)"
    assert session.run(known) == "1"
    session.run("%reset -f --aggressive")
    assert session.run("import sys; 'tabnanny' in sys.modules, 'pyclbr' in sys.modules") == "(True, True)"


def test_siblings_have_sessions_and_logs_of_their_own(start: Callable[..., Session]) -> None:
    shown = "import json; app = get_ipython().kernel.parent; print(json.dumps([app.session.session, app.session.key.hex()]))"
    one, two = (json.loads(start().run(shown)) for _ in range(2))
    assert all(mine and mine != yours for mine, yours in zip(one, two, strict=True))


def test_another_command_line_is_read_by_ipykernel_itself(start: Callable[..., Session]) -> None:
    session = start(extra_arguments=["--matplotlib=agg", "--InteractiveShell.cache_size=7"])
    assert session.is_warm
    assert session.run("get_ipython().kernel.parent.matplotlib, get_ipython().cache_size") == "('agg', 7)"


def test_under_a_long_temporary_folder_it_talks_over_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket's path would be too long there; nothing is left behind."""
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=OneKernel(warm=True))
    asyncio.run(WarmProvisioner(parent=manager, kernel_spec=manager.kernel_spec).pre_launch())
    assert manager.transport == "tcp"
    assert not list(long.glob("workbench-kernel-*"))


LAUNCH = [sys.executable, "-m", "ipykernel_launcher", "-f", "k.json"]


@pytest.mark.parametrize(
    ("command", "environment", "why"),
    [
        (LAUNCH, {}, None),
        (LAUNCH, {"PYTHONPATH": SOURCE}, None),
        ([f"{sys.prefix}/bin/../bin/{Path(sys.executable).name}", *LAUNCH[1:]], {}, "is not this Python's ipykernel"),
        (["/usr/bin/python3", *LAUNCH[1:]], {}, "is not this Python's ipykernel"),
        ([sys.executable, "-m", "bash_kernel", "-f", "k.json"], {}, "is not this Python's ipykernel"),
        (LAUNCH, {"PYTHONPATH": "/elsewhere"}, "its PYTHONPATH is another"),
    ],
)
def test_what_a_fork_would_not_be_is_told(
    monkeypatch: pytest.MonkeyPatch, command: list[str], environment: dict[str, str], why: str | None
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    said = provisioner._why_cold(command, environment)
    assert said is None if why is None else why in str(said)


def test_where_a_kernel_writes(tmp_path: Path) -> None:
    for not_a_file in (None, subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL):
        assert provisioner._descriptor(not_a_file, 7) == 7
    assert provisioner._descriptor(5, 7) == 5
    with (tmp_path / "log").open("w") as file:
        assert provisioner._descriptor(file, 7) == file.fileno()


def test_a_kernel_that_has_ended_is_no_process_any_more() -> None:
    """Or it would be waited for, and killed, once more."""
    ended = WarmProvisioner()
    here, there = socket.socketpair()
    ended.process = WarmProcess(here, 4_000_000)
    with there:
        send(there, {"exit": 3})
        assert asyncio.run(ended.wait()) == 3
    assert not ended.has_process
