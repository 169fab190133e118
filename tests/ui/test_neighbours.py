"""What else is up: asked behind the page's back, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.ui.later import Later
from workbench.ui.neighbours import Neighbours


@pytest.fixture
def other() -> Iterator[str]:
    """A server that answers as MLflow and Kedro-Viz do."""
    answers = {
        "/version": b"3.17.2",
        "/api/version": b'{"installed": "12.0.0", "isOutdated": false, "latest": "12.0.0"}',
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_who_is_up_is_linked(tmp_path: Path, other: str) -> None:
    up = Neighbours(tmp_path, mlflow=other, viz=other)
    assert up.mlflow is None, "the first page does not wait"
    up.settle(10)
    assert (up.mlflow, up.viz) == (other, other)


def test_another_server_on_the_port_is_not_taken_for_it(tmp_path: Path, other: str) -> None:
    up = Neighbours(tmp_path, mlflow=f"{other}/elsewhere", viz="http://127.0.0.1:9")
    up.settle(10)
    assert (up.mlflow, up.viz) == (None, None)


def test_a_project_without_a_store_asks_nobody_for_champions(tmp_path: Path) -> None:
    up = Neighbours(tmp_path, mlflow="http://127.0.0.1:9", viz="http://127.0.0.1:9")
    assert up.champions == {}
    assert up._champions.wait(10) == {}
    assert not (tmp_path / ".mlflow").exists()


def test_an_answer_that_takes_long_is_not_waited_for() -> None:
    go = threading.Event()
    asked = []

    def ask() -> int:
        asked.append(go.wait(10))
        return len(asked)

    later = Later(ask, 0, every=60)
    begun = time.monotonic()
    assert [later.get() for _ in range(5)] == [0] * 5
    assert time.monotonic() - begun < 1
    go.set()
    assert later.wait(10) == 1
    assert later.get() == 1
    assert len(asked) == 1, "one at a time, and not again while the answer is good"


def test_a_failure_leaves_the_last_answer() -> None:
    answers = iter([7])
    later = Later(lambda: next(answers), 0, every=0)
    assert later.wait(10) == 7
    assert later.wait(10) == 7
