"""The server that the doubles of cloud services are made of."""

from __future__ import annotations

import http.client
import json
import os
import signal
import urllib.request
from collections.abc import Iterator

import pytest
from double_service import Answer, Fault, Operation, Request, Service, in_child, route


class Jars(Service):
    """Keeps jars."""

    def __init__(self) -> None:
        super().__init__()
        self.jars: dict[str, object] = {}

    @route("POST", r"/jars/(?P<name>[^/]+)")
    def put(self, request: Request, name: str) -> object:
        if name in self.jars:
            raise self.error(409, "it is there")
        self.jars[name] = request.json()
        return {"name": name}

    @route("GET", r"/jars/(?P<name>[^/]+)")
    def get(self, _: Request, name: str) -> object:
        return self.jars.get(name) or self.error(404, "no such jar")


@pytest.fixture
def jars() -> Iterator[Jars]:
    with Jars() as service:
        yield service


def ask(service: Service, method: str, path: str, body: bytes = b"") -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


def test_it_answers_by_its_routes(jars: Jars) -> None:
    assert ask(jars, "POST", "/jars/a%2Fb", b'{"of": "jam"}') == (200, {"name": "a/b"})
    assert ask(jars, "GET", "/jars/a%2Fb") == (200, {"of": "jam"})
    assert ask(jars, "POST", "/jars/a%2Fb", b"{}")[0] == 409
    assert ask(jars, "POST", "/jars/c", b"{")[0] == 400
    assert ask(jars, "GET", "/pots")[0] == 404
    assert jars.effects == 1
    assert len(jars.calls("^POST /jars")) == 3


def test_faults_strike_whom_they_are_meant_for(jars: Jars) -> None:
    jars.faults += [
        Fault("POST", skip=1, answer=Answer(429, {"slow": "down"}, {"Retry-After": "1"})),
        Fault("POST /jars/d", drop="after"),
        Fault("POST /jars/e", drop="before"),
    ]
    assert ask(jars, "POST", "/jars/a")[0] == 200
    assert ask(jars, "POST", "/jars/b")[0] == 429
    for name in "de":
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(jars, "POST", f"/jars/{name}")
    assert sorted(jars.jars) == ["a", "d"]


def test_an_answer_is_cut(jars: Jars) -> None:
    jars.faults.append(Fault("POST", truncate=3))
    with pytest.raises(http.client.IncompleteRead):
        ask(jars, "POST", "/jars/a")


def test_who_asks_is_killed_after_the_effect(jars: Jars) -> None:
    def fill() -> None:
        for name in "abc":
            urllib.request.urlopen(f"{jars.address}/jars/{name}", data=b"{}").close()

    read, write = os.pipe()

    def child() -> None:
        os.write(write, str(os.getpid()).encode())
        fill()

    jars.faults.append(Fault("POST", skip=1, kill=lambda: int(os.read(read, 20))))
    assert in_child(child) == -signal.SIGKILL
    assert sorted(jars.jars) == ["a", "b"]
    os.close(read)
    os.close(write)


def test_an_operation_takes_its_time() -> None:
    happened: list[int] = []
    operation = Operation(2, lambda: happened.append(1))
    assert [operation.look() for _ in range(5)] == [False, False, True, True, True]
    assert happened == [1]
