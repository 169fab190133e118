"""Nobody goes on for whom nobody waits any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import attended as module
from workbench.attended import attended
from workbench.cli.rendering import Children
from workbench.reports import pdf
from workbench.schedules import rendering

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a process that its parent has died")

SLEEPS = [sys.executable, "-I", "-S", "-c", "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"]


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}:
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def outlived(start: Callable[[], object], seconds: float = 10) -> bool:
    """Whether the process that writes its number into ``pid`` lives on when the one that started it is killed."""
    waits = os.fork()
    if waits == 0:
        start()
        os._exit(0)
    deadline = time.monotonic() + 20
    while not (Path("pid").exists() and Path("pid").read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    pid = int(Path("pid").read_text())
    os.kill(waits, signal.SIGKILL)
    os.waitpid(waits, 0)
    if gone(pid, seconds):
        return False
    os.kill(pid, signal.SIGKILL)
    return True


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_ends_with_who_waits_for_it() -> None:
    assert outlived(lambda: subprocess.run(SLEEPS, start_new_session=True, check=False), 0.3), "what is to be prevented"
    Path("pid").unlink()
    assert not outlived(lambda: subprocess.run(attended(SLEEPS), start_new_session=True, check=False))


def test_a_command_of_a_slot_does(here: Path) -> None:
    """Its slot is begun again, and the client would be busy for as long as the old one goes on."""
    (here / "kedro.py").write_text(SLEEPS[-1])
    environment = {"PYTHONPATH": str(here), "PATH": os.environ["PATH"]}
    assert not outlived(lambda: rendering._kedro(here, ["x"], environment, time.monotonic() + 60, where="acme"))


def test_a_run_of_a_report_does(here: Path) -> None:
    assert not outlived(lambda: Children().run(SLEEPS, here))


def test_a_browser_does(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = here / "chromium"
    browser.write_text(f"#!/bin/sh\necho $$ > {here}/pid\nexec sleep 60\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}:/usr/bin:/bin")
    (here / "page.html").touch()
    assert not outlived(lambda: pdf.write_pdf(here / "page.html", here / "page.pdf"))


def test_one_that_comes_too_late_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "getpid", lambda: 4_000_000)
    assert subprocess.run(attended(["touch", "begun"]), check=False).returncode == 1
    assert not Path("begun").exists()


def test_it_is_otherwise_the_command() -> None:
    shown = "import os; print(os.getpid())"
    with subprocess.Popen(attended([sys.executable, "-c", shown]), stdout=subprocess.PIPE, text=True) as process:
        said = process.communicate()[0]
    assert int(said) == process.pid
    sh = ["sh", "-c", "kill -PIPE $$; exit 3"]
    assert subprocess.run(attended(sh), check=False).returncode == -signal.SIGPIPE
    assert subprocess.run(attended(["sh", "-c", "exit 7"]), check=False).returncode == 7


def test_elsewhere_it_is_the_command_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert attended(("a", "b")) == ["a", "b"]
