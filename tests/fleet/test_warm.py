"""Workers that are forked: from what, with what in their memory, and what happens when it cannot be had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workbench.fleet.body import can_fork
from workbench.fleet.events import Progress
from workbench.fleet.plan import Cell, plan
from workbench.fleet.preload import imports_of
from workbench.fleet.run import Run
from workbench.fleet.runner import Fleet, Result
from workbench.fleet.view import View
from workbench.fleet.warm import WarmStart

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not can_fork(), reason="this system starts workers cold")]


@dataclass
class Ear(View):
    """Hears what the runner says, and may do something when a node begins."""

    said: list[str] = field(default_factory=list)
    at_node: Callable[[], None] | None = None

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, cell: Cell, progress: Progress) -> None:
        if progress.node == "act" and self.at_node is not None:
            self.at_node, act = None, self.at_node
            act()


def says(project: Path, client: str, act: str) -> None:
    (project / "conf/clients" / client / "parameters.yml").write_text(f"act: {act}\n")


def fleet(project: Path, view: View, clients: list[str], **options: object) -> Fleet:
    return Fleet(project, plan(clients, ["act"], {}), workers=1, max_failures=None, view=view, **options)


def parents(project: Path) -> set[int]:
    """Who the workers' parents were: the tiny project's workers write it into their logs."""
    logs = project / ".workbench/logs"
    return {
        int(line.split()[-1])
        for log in logs.glob("[0-9]*.log")
        for line in log.read_text().splitlines()
        if "child of" in line
    }


def run_seeing_zygote(run: Fleet) -> tuple[Result, int]:
    result = run.run()
    assert isinstance(run._start, WarmStart)
    return result, run._start.pid


def test_workers_are_forks_of_one_process_and_it_ends_with_the_fleet(tiny: Path, lives: Callable[[int], bool]) -> None:
    result, zygote = run_seeing_zygote(fleet(tiny, Ear(), ["alpha", "beta"]))
    assert [run.state for run in result.runs] == ["succeeded"] * 2
    assert parents(tiny) == {zygote}
    assert not lives(zygote)


def test_a_worker_ends_nothing_that_was_begun_before_it_was_forked(tiny: Path) -> None:
    with (tiny / "src/tiny/settings.py").open("a") as settings:
        settings.write(
            f"\nimport os, weakref\nweakref.finalize(HOOKS[0], lambda: os.mkdir(f'{tiny}/ended-{{os.getpid()}}'))\n"
        )
    result, zygote = run_seeing_zygote(fleet(tiny, Ear(), ["alpha", "beta"]))
    assert [run.state for run in result.runs] == ["succeeded"] * 2
    assert {path.name for path in tiny.glob("ended-*")} <= {f"ended-{zygote}"}


def test_a_cold_start_is_a_process_of_the_fleets_own(tiny: Path) -> None:
    result = fleet(tiny, Ear(), ["alpha"], cold=True).run()
    assert [run.state for run in result.runs] == ["succeeded"]
    assert parents(tiny) == {os.getpid()}


def test_the_zygote_has_no_client_no_secret_no_connection_and_no_thread(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, object] = {}

    def look() -> None:
        proc = Path("/proc", str(run._start.pid))
        seen["environment"] = (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes()
        seen["files"] = [str(link.readlink()) for link in (proc / "fd").iterdir()]
        seen["threads"] = [(task / "comm").read_text().strip() for task in (proc / "task").iterdir()]

    canaries = {"ALPHA__TOKEN": "canary", "DATABASE_URL": "postgresql://me:canary@x/y", "MLFLOW_TRACKING_URI": "canary"}
    says(tiny, "alpha", "sleep")
    for name, value in canaries.items():
        monkeypatch.setenv(name, value)
    run = fleet(tiny, Ear(at_node=look), ["alpha"])
    assert [run.state for run in run.run().runs] == ["succeeded"]
    assert b"canary" not in seen["environment"]
    assert b"alpha" not in seen["environment"]
    kinds = {name.partition(":")[0] for name in seen["files"]}
    assert kinds <= {"/dev/null", "pipe", "socket", "anon_inode", str(tiny / ".workbench/logs/zygote.log")}
    assert len(seen["threads"]) == 1


def test_a_worker_leads_its_own_group_and_has_the_zygotes_descriptors_closed(tiny: Path) -> None:
    seen: dict[str, Any] = {}

    def look() -> None:
        (child,) = run._children.values()
        pid = child._body.pid
        seen["group"] = (os.getpgid(pid), os.getsid(pid)) == (pid, pid)
        names = seen["sockets"] = []
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # a file that it has closed since
                names.append(str(link.readlink()))

    says(tiny, "alpha", "sleep")
    run = fleet(tiny, Ear(at_node=look), ["alpha"])
    run.run()
    assert seen["group"]
    assert len([name for name in seen["sockets"] if name.startswith("socket:")]) == 1, "what it talks to its parent by"
    assert not [name for name in seen["sockets"] if name.startswith("anon_inode:")]


def test_when_the_zygote_is_killed_its_workers_go_with_it_and_the_rest_start_cold(
    tiny: Path, lives: Callable[[int], bool]
) -> None:
    pids: list[int] = []

    def kill() -> None:
        pids.extend(child._body.pid for child in run._children.values())
        os.kill(run._start.pid, signal.SIGKILL)

    says(tiny, "alpha", "hang")
    ear = Ear(at_node=kill)
    run = fleet(tiny, ear, ["alpha", "beta"])
    first, second = run.run().runs
    assert (first.state, first.error) == ("crashed", "killed by SIGKILL, perhaps for want of memory")
    assert second.state == "succeeded"
    assert parents(tiny) >= {os.getpid()}, "the second one is a cold one"
    assert [text for text in ear.said if text.startswith("Workers start cold: ")]
    assert not any(map(lives, pids))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            "threads running",
        ),
        pytest.param("import os; os.kill(os.getpid(), 9)", "died; see", marks=pytest.mark.slow),
        pytest.param("raise ValueError('no')", "died; see", marks=pytest.mark.slow),
    ],
    ids=["a thread", "a death", "an error"],
)
def test_what_cannot_be_forked_starts_cold_and_says_why(tiny: Path, code: str, why: str) -> None:
    (tiny / "src/tiny/late.py").write_text(f"import sys\nif 'workbench.fleet.zygote' in sys.orig_argv:\n    {code}\n")
    nodes = tiny / "src/tiny/nodes.py"
    nodes.write_text(nodes.read_text().replace("def judge", "def unused():\n    import tiny.late\n\n\ndef judge"))
    ear = Ear()
    result = fleet(tiny, ear, ["alpha"]).run()
    assert [run.state for run in result.runs] == ["succeeded"]
    assert parents(tiny) == {os.getpid()}
    assert [why in text for text in ear.said if text.startswith("Workers start cold")] == [True]


def test_signals_are_heeded_while_the_zygote_imports(tiny: Path) -> None:
    nodes = tiny / "src/tiny/nodes.py"
    (tiny / "src/tiny/slow.py").write_text("import time\ntime.sleep(60)\n")
    nodes.write_text(nodes.read_text().replace("def judge", "def unused():\n    import tiny.slow\n\n\ndef judge"))
    command = [sys.executable, "-m", "kedro", "fleet", "run", "--pipeline", "act"]
    running = subprocess.Popen(
        command, cwd=tiny, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    log = tiny / ".workbench/logs/zygote.log"
    end = time.monotonic() + 30
    while not log.exists() and time.monotonic() < end:
        time.sleep(0.05)
    began = time.monotonic()
    running.terminate()
    running.communicate(timeout=30)
    assert running.returncode == 128 + signal.SIGTERM
    assert time.monotonic() - began < 25


def test_what_a_folder_imports_is_read_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "import json as j\n"
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import math\n"
        "def f():\n    import numpy as np\n    from pandera import ibis, Check\n    from . import x\n"
    )
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/two.py").write_text("import csv\n")
    assert imports_of(tmp_path) == {
        "__future__", "__future__.annotations", "typing", "typing.TYPE_CHECKING", "json", "math", "numpy", "pandera",
        "pandera.ibis", "pandera.Check", "csv",
    }, "what is no module is left out when it is imported"  # fmt: skip


@pytest.mark.slow
def test_how_a_run_ended_is_the_same_warm_and_cold(tiny: Path) -> None:
    acts = {"alpha": "leave", "beta": "segfault", "gamma": "leave an orphan"}
    for client, act in acts.items():
        says(tiny, client, act)
    environ = os.environ | {"TINY_PIDS": str(tiny.parent)}

    def ends(*, cold: bool) -> list[tuple[str, str | None]]:
        runs: tuple[Run, ...] = fleet(tiny, Ear(), list(acts), environ=environ, cold=cold).run().runs
        return [(run.state, run.error) for run in runs]

    assert ends(cold=True) == ends(cold=False)
