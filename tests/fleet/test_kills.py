"""``kill -9`` at random moments, of workers, of the parent, of both: the next fleet run ends as if nothing had been."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from workbench.files import sha256_of_folder
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.lock import ClientLock
from workbench.fleet.plan import Cell
from workbench.fleet.runner import Fleet, Result
from workbench.fleet.schema import connect
from workbench.fleet.view import View

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = int(os.environ.get("KILLS", "30"))
SEED = int(os.environ.get("KILLS_SEED", "23"))
CLIENTS = ("alpha", "beta")
PARENT = f"""
import sys
from pathlib import Path
from workbench.fleet.plan import Cell
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View
cells = [Cell(client, "chain") for client in {CLIENTS!r}]
Fleet(Path(sys.argv[1]), cells, workers=2, max_failures=None, view=View()).run()
"""


def run(project: Path) -> Result:
    return Fleet(
        project, [Cell(client, "chain") for client in CLIENTS], workers=2, max_failures=None, view=View()
    ).run()


def forget(project: Path) -> None:
    """As before the first run, but for the ledger's rows."""
    for client in CLIENTS:
        shutil.rmtree(project / "data" / client)
    with connect(Ledger.of(project).path) as connection:
        connection.execute("DELETE FROM done")


def processes_of(project: Path) -> list[int]:
    """Processes that work in the project, whoever started them."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and (folder / "cwd").readlink() == project and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def workers_of(project: Path) -> list[int]:
    return [one.pid for one in Ledger.of(project).last() if one.state == "running"]


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def break_off(project: Path, whom: str, after: float) -> None:
    """Begin a fleet run in a process of its own, and kill somebody of it so many seconds after its first row runs."""
    parent = subprocess.Popen([sys.executable, "-P", "-c", PARENT, str(project)], cwd=project, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not workers_of(project) and parent.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(after)
        workers = workers_of(project)
        if whom in {"parent", "both"}:
            parent.kill()
        if whom in {"worker", "both"}:
            kill(workers[:1] if whom == "worker" else workers)
        if whom == "worker":
            parent.wait(60)
    finally:
        parent.kill()
        parent.wait(60)


@pytest.fixture
def reference(tiny: Path) -> dict[str, str]:
    """What an unbroken run leaves."""
    assert run(tiny).exit_code == 0
    return {client: sha256_of_folder(tiny / "data" / client) for client in CLIENTS}


def test_the_next_run_ends_as_if_nothing_had_been(
    tiny: Path, reference: dict[str, str], eventually: Callable[[Callable[[], object]], None]
) -> None:
    moments = random.Random(SEED)
    begun = time.monotonic()
    forget(tiny)
    run(tiny)
    latest = (time.monotonic() - begun) / 2
    broken = 0
    for number in range(KILLS):
        forget(tiny)
        before = len(Ledger.of(tiny).get(range(1, 100_000)))
        break_off(tiny, moments.choice(["worker", "parent", "both"]), moments.uniform(0, latest))
        eventually(lambda: not processes_of(tiny))  # no orphan
        if [one.state for one in Ledger.of(tiny).last()] == ["succeeded", "succeeded"]:
            latest *= 0.8  # the machine was busier when a run was measured: this kill came after the end
        else:
            broken += 1
        assert run(tiny).exit_code == 0, f"kill {number}"
        for client in CLIENTS:
            assert sha256_of_folder(tiny / "data" / client) == reference[client], f"kill {number}"
            lock = ClientLock(state_folder(tiny), client)
            assert not lock.is_held(), f"kill {number}: a stale lock"
        Ledger.of(tiny).last()  # the look that closes the rows of the dead
        rows = Ledger.of(tiny).get(range(1, 100_000))
        assert len(rows) == before + 4, f"kill {number}: each run planned has its row"
        assert [row for row in rows if not row.finished] == [], f"kill {number}: a row is open"
    assert broken > KILLS / 4, "most kills did not meet a run: the test would prove little"
