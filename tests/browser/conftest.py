"""A browser, and the servers that it looks at: on loopback, on free ports, gone at the end with all that they started.

make test-browser                                              needs Chromium or Chrome on the PATH
make test-browser PYTEST_ARGS=--screenshots=docs/images        and keeps a picture of what it saw
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
"""Seconds until a server answers."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", metavar="FOLDER", help="keep a picture of each page there")


@dataclass
class Seen:
    """A page, and what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def foreign(self) -> list[str]:
        """Requests that left this machine."""
        here = ("http://127.0.0.1:", "ws://127.0.0.1:", "file:", "data:", "blob:")
        return [address for address in self.requests if not address.startswith(here)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"there is no browser on the PATH: {', '.join(PROGRAMS)}")
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox refuses to run as root; the pages are our own.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=options)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Seen]]:
    """Opens an address, and listens to what the page complains of and asks for."""
    contexts = []

    def opened(address: str, width: int = 1440, height: int = 1000, **options: object) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        seen.page.goto(address)
        return seen

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def photograph(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture, if somebody wants one."""
    folder = request.config.getoption("--screenshots", default=None)

    def take(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


@pytest.fixture(scope="session")
def shown(clinic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the pages show: clinic's pipelines have run on it."""
    return Path(
        shutil.copytree(
            clinic_project,
            tmp_path_factory.mktemp("shown") / "project",
            symlinks=True,
            ignore=shutil.ignore_patterns("*-shm", "*-wal"),
        )
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person's home: what a server leaves there can be looked at."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def port() -> Callable[[], int]:
    """Gives ports that are free on loopback."""

    def free() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return free


@pytest.fixture(scope="session")
def serve(shown: Path, home: Path) -> Iterator[Callable[..., psutil.Process]]:
    """Starts ``kedro …`` in the project, waits until an address answers, and ends it with all of its processes."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, answers: str) -> psutil.Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        environment |= {"HOME": str(home), "PYTHONPATH": str(shown / "src")}
        environment.pop("MPLBACKEND", None)  # the kernel's own, which shows pictures
        log = (home / f"{words[0]}.log").open("wb")
        command = [sys.executable, "-m", "kedro", *words]
        process = subprocess.Popen(command, cwd=shown, env=environment, stdout=log, stderr=subprocess.STDOUT)
        started.append(process)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while not answered(answers):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"kedro {' '.join(words)} does not answer\n{(home / f'{words[0]}.log').read_text()}")
            time.sleep(0.1)
        return psutil.Process(process.pid)

    yield start
    left = [process for one in started for process in end(one)]
    assert not left, f"still running, and killed: {left}"


def answered(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def end(process: subprocess.Popen[bytes]) -> list[str]:
    """Ask it to end; what of its family has not after some seconds is killed, and named."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    process.wait(30)
    _, alive = psutil.wait_procs(family, timeout=20)
    named = [" ".join(one.cmdline()) for one in alive]
    for one in alive:
        one.kill()
    return named
