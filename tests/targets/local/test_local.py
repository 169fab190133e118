"""A client served on this machine, by the real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from typing import Any

import psutil
import pytest
import requests
from double_service import Answer, Fault, Service, in_child

from workbench.errors import TargetError, Unreachable
from workbench.fleet import memory
from workbench.targets.book import Book, Rollout

pytestmark = pytest.mark.integration


def servers(local: Any) -> list[int]:
    """The processes that read this target's file."""
    path = str(local.target().process.traffic)
    found = [process.pid for process in psutil.process_iter() if path in (_command(process))]
    return sorted(found)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def ask(local: Any, count: int = 1) -> list[str]:
    """Which version answers."""
    with requests.Session() as session:
        body = {"instances": [{"radius": 0.5, "site": "north"}]}
        answers = [session.post(f"{local.url}/predict", json=body, timeout=10) for _ in range(count)]
    assert {answer.status_code for answer in answers} <= {200}
    return [answer.headers["X-Model-Version"] for answer in answers]


def test_the_way_of_two_releases(local: Any) -> None:
    assert [step.kind for step in local.deploy().plan(local.release(3)).steps] == ["served version", "server"]
    done = local.deploy().apply(local.release(3))
    assert done.traffic == {3: 100}
    assert done.smoke.rows == 8
    assert done.smoke.difference < 1e-6
    took = memory.recall(local.project, "alpha", 3)
    assert took is not None
    assert 30 < took.mib < 2000
    (pid,) = servers(local)
    assert not local.deploy().apply(local.release(3)).changed
    assert local.deploy().apply(local.release(4)).rollout == Rollout(3, 4)

    lost: list[BaseException] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            try:
                ask(local, 5)
            except BaseException as error:  # noqa: BLE001 - none may be lost, of whatever kind
                lost.append(error)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        assert local.deploy().canary(20).smoke.version == 4
        answers = ask(local, 200)
        assert 20 <= answers.count("4") <= 60  # 40 of them; others ask at the same time
        assert local.deploy().promote().traffic == {4: 100}
        assert set(ask(local, 5)) == {"4"}
        assert local.deploy().rollback().traffic == {3: 100}
        assert set(ask(local, 5)) == {"3"}
    finally:
        stop.set()
        asking.join()
    assert lost == []
    assert servers(local) == [pid]
    local.deploy().destroy()
    assert servers(local) == []
    assert local.deploy().status().parts == ()


@pytest.mark.slow
def test_a_server_that_was_killed_is_missed_and_comes_back_as_it_was(local: Any) -> None:
    local.deploy().apply(local.release(3))
    local.deploy().apply(local.release(4))
    local.deploy().canary(30)
    (pid,) = servers(local)
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    status = local.deploy().status()
    assert [(part.kind, part.state) for part in status.parts if part.kind == "server"] == [("server", "missing")]
    with pytest.raises(TargetError, match=r"its server is down.*kedro deploy apply"):
        local.deploy().rollback()
    local.deploy().apply(local.release(4))
    assert len(servers(local)) == 1
    assert local.deploy().status().ok
    assert local.deploy().status().traffic == {3: 100}  # the rollback came to its end first


@pytest.mark.slow
def test_a_port_that_is_taken_is_told(local: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", local.port))
        other.listen()
        with pytest.raises(TargetError, match=rf"the server ended before it could serve: .*{local.port}"):
            local.deploy().apply(local.release(3))
    assert local.deploy().apply(local.release(3)).traffic == {3: 100}


@pytest.mark.slow
def test_files_that_were_changed_are_never_served(local: Any) -> None:
    local.deploy().apply(local.release(3))
    weights = next(local.release(4).folder.glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(TargetError, match="the server did not take it"):
        local.deploy().apply(local.release(4))
    assert set(ask(local, 3)) == {"3"}


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0, 3.0])
def test_killed_at_any_moment_and_given_again(local: Any, delay: float) -> None:
    for release in (3, 4):
        _killed(delay, lambda release=release: local.deploy().apply(local.release(release)))
        local.deploy().apply(local.release(release))
    _killed(delay, lambda: local.deploy().canary(10))
    assert local.deploy().canary(10).traffic == {3: 90, 4: 10}
    _killed(delay, lambda: local.deploy().promote())
    local.deploy().promote()
    assert local.target().traffic() == {4: 100}
    assert len(servers(local)) == 1
    assert Book(local.project, "alpha", "laptop").rollout() == Rollout(4, None, 3)
    _killed(delay, lambda: local.deploy().destroy())
    local.deploy().destroy()
    assert servers(local) == []


def _killed(delay: float, action: Any) -> None:
    def child() -> None:
        threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        action()

    assert in_child(child) in {0, -signal.SIGKILL}


ANSWERS: dict[str, tuple[Answer, type[Exception], str]] = {
    "cut": (Answer(200, b'{"state": "rea'), Unreachable, "the server's answer is cut"),
    "busy": (Answer(503, {}, {"Retry-After": "7"}), Unreachable, "the server answers 503"),
    "refused": (Answer(422, {"error": "no such column"}), TargetError, "the server answers 422: .*no such column"),
    "no token": (Answer(401, {"error": "a token is needed"}), TargetError, "secret SERVING_TOKEN is its bearer token"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_none_is_told(local: Any, kind: str) -> None:
    """What may pass is tried again by who asked, after as long as the server says; the rest is not."""
    given, error, said = ANSWERS[kind]
    with Service() as server:
        server.faults.append(Fault("GET /v2/health/status", answer=given))
        ready = local.target().process.ready
        ready.parent.mkdir(parents=True)
        ready.write_text(json.dumps({"pid": None, "port": server.port}))
        with pytest.raises(error, match=said) as caught:
            local.target().status()
    assert getattr(caught.value, "retry_after", None) == (7 if kind == "busy" else None)
