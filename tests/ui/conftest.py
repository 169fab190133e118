"""A small fleet that has really run, and its pages, asked over loopback."""

from __future__ import annotations

import fcntl
import http.client
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.fleet.plan import plan
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View
from workbench.ui.neighbours import Neighbours
from workbench.ui.server import FleetPages, serve

NOBODY = "http://127.0.0.1:9"
SCHEDULE = """
schedule:
  nightly: {cron: "30 2 * * *", timezone: Europe/Berlin, templates: [model_card]}
"""


@dataclass(frozen=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clients, two pipelines: alpha ran well twice, beta failed, gamma's file is broken. Do not write to it."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "ui_fleet"
    with (shared / "ui_fleet.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            make_ran(folder)
            (folder / "done").touch()
    return folder


def make_ran(folder: Path) -> None:
    shutil.copytree(Path(__file__).parents[1] / "fleet" / "tiny_project", folder)
    with (folder / "conf/clients/alpha/client.yml").open("a") as stream:
        stream.write(SCHEDULE)
    (folder / "conf/clients/beta/parameters.yml").write_text("act: raise\n")
    for clients, pipelines in ((["alpha", "beta"], ["act"]), (["alpha"], ["act", "gate"])):
        Fleet(folder, plan(clients, pipelines, {}), workers=2, max_failures=None, view=View()).run()
    (folder / "conf/clients/gamma/client.yml").write_text("id: gamma\n")
    reporting = folder / "data/alpha/08_reporting"
    (reporting / "model_card.html").write_text("<!doctype html><title>Card</title><script>alert(1)</script>")
    (reporting / "model_card.pdf").write_bytes(b"%PDF-1.7 ...")


@pytest.fixture
def fleet(ran: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(ran, tmp_path / "fleet", ignore=shutil.ignore_patterns("*-shm", "*-wal")))


@pytest.fixture
def pages() -> Callable[[Path], FleetPages]:
    """The pages of a project, beside which nothing else is up."""
    return lambda project: FleetPages(project, ["gate", "act"], Neighbours(project, mlflow=NOBODY, viz=NOBODY))


@pytest.fixture
def served(pages: Callable[[Path], FleetPages]) -> Iterator[Callable[[Path], tuple[str, int]]]:
    """Serves a project; host and port."""
    servers = []

    def start(project: Path) -> tuple[str, int]:
        server = serve(pages(project), 0)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return str(server.server_address[0]), server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ask(served: Callable[[Path], tuple[str, int]]) -> Callable[..., Answer]:
    """``ask(project, "/clients/alpha")``: over loopback, as a browser would."""
    known: dict[Path, tuple[str, int]] = {}

    def asked(project: Path, target: str, method: str = "GET", **headers: str) -> Answer:
        if project not in known:
            known[project] = served(project)
        with closing(http.client.HTTPConnection(*known[project], timeout=20)) as connection:
            connection.putrequest(method, target, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            body = answer.read()
        return Answer(answer.status, dict(answer.headers), body)

    return asked
