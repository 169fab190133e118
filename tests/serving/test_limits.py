"""Floods, slow clients and large bodies are refused, and cost the server next to nothing (faults 31 and 96)."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

BODY = 200_000
MB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, start: Any, saved: Any) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("limits")
    limits = {
        "body_bytes": BODY,
        "held_bytes": 4 * BODY,
        "queue_rows": 1000,
        "header_seconds": 1,
        "request_seconds": 2,
        "connections": 200,
    }
    with start(
        folder,
        *("--artifact", str(saved["3"].folder), "--prediction-log", str(folder / "log.jsonl")),
        limits=limits,
        batching={"rows": 256, "inline_milliseconds": 0},
        log={"waiting": 50, "megabytes": 0.05, "files": 2},
    ) as running:
        yield running


def connect(server: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def one_answer(connection: socket.socket) -> bytes:
    """One of several on a connection: head and body may come in pieces."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(65536)
    head, body = found.split(b"\r\n\r\n", 1)
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answer_of(connection: socket.socket) -> bytes:
    found = b""
    while chunk := connection.recv(65536):
        found += chunk
    return found


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Any) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD + b"Content-Length: 10000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    with connect(server) as connection:  # of unknown length
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_connection_that_was_refused_one_body_may_ask_again(server: Any, row: Any) -> None:
    good = json.dumps({"instances": [row]}).encode()
    with connect(server) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (BODY + 1) + b" " * (BODY + 1))
        assert one_answer(connection).startswith(b"HTTP/1.1 413 ")
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(good) + good)
        assert one_answer(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_slow_client_is_cut_off(server: Any, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        began = time.monotonic()
        answer = answer_of(connection)  # until the server hangs up
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 15


def test_slow_clients_keep_nobody_from_being_answered(server: Any, row: Any) -> None:
    slow = [connect(server) for _ in range(100)]
    try:
        for connection in slow:
            connection.sendall(HEAD)
        assert server.ask("/predict", {"instances": [row]})[0] == 200
    finally:
        for connection in slow:
            connection.close()


def test_garbage_is_refused(server: Any) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n"):
        with connect(server) as connection:
            connection.sendall(sent)
            assert answer_of(connection).startswith(b"HTTP/1.1 400 ")


def test_a_full_queue_says_when_to_come_again(server: Any, load: Any, row: Any) -> None:
    clients = load(server.port, json.dumps({"instances": [row] * 900}).encode())

    async def flood() -> None:
        running = asyncio.create_task(clients.run(40))
        await asyncio.sleep(1.0)
        clients.stop = True
        await running

    asyncio.run(flood())
    counted = Counter(status for status, _ in clients.answers)
    assert set(counted) == {200, 429}
    assert clients.unanswered == []
    assert all(1 <= int(seconds) <= 60 for seconds in clients.retry_after)
    assert b'reason="queue_full"' in server.ask("/metrics")[1]
    assert server.ask("/v2/health/ready")[0] == 200


def test_a_flood_of_all_kinds_leaves_memory_bounded(server: Any, row: Any) -> None:
    """64 clients at once, for two seconds: 10 MB of JSON, nested JSON, many small objects, rows without end."""
    bodies = [
        b"[" * 10_000_000,
        b'{"instances": ' + b"[" * (BODY // 2) + b"]" * (BODY // 2 - 20) + b"}",
        b'{"instances": [' + b"{}," * (BODY // 3 - 20) + b"{}]}",
        json.dumps({"instances": [row] * 1500}).encode(),
        json.dumps({"instances": [row] * 100}).encode(),
    ]
    before = server.peak_bytes()
    answered: Counter[int] = Counter()

    async def client(body: bytes, ends: float) -> None:
        while time.monotonic() < ends:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
                for start in range(0, min(len(body), 1_000_000), 65536):
                    writer.write(body[start : start + 65536])
                    await writer.drain()
                answered[int((await reader.readuntil(b"\r\n")).split()[1])] += 1
            except (OSError, asyncio.IncompleteReadError):
                answered[0] += 1
            finally:
                writer.close()

    async def flood() -> None:
        ends = time.monotonic() + 2
        await asyncio.gather(*(client(bodies[at % len(bodies)], ends) for at in range(64)))

    asyncio.run(flood())
    assert set(answered) <= {0, 200, 413, 422, 429}, answered
    assert answered[413], answered
    assert answered[422], answered
    assert server.peak_bytes() - before < 64 * MB
    assert server.process.poll() is None
    assert server.ask("/predict", {"instances": [row]})[0] == 200
    assert "Traceback" not in server.log()


def test_a_log_that_is_too_slow_drops_rows_and_counts_them(server: Any, row: Any) -> None:
    server.ask("/predict", {"instances": [row] * 51})
    text = server.ask("/metrics")[1].decode()
    dropped = next(line for line in text.splitlines() if line.startswith("workbench_serving_log_dropped_rows "))
    assert float(dropped.split()[1]) >= 51


def test_a_log_is_rotated_and_the_oldest_goes(server: Any, row: Any) -> None:
    path = server.folder / "log.jsonl"
    ends = time.monotonic() + 20
    while not Path(f"{path}.2").exists() and time.monotonic() < ends:
        for _ in range(10):
            server.ask("/predict", {"instances": [row] * 50})
            time.sleep(0.02)
        time.sleep(0.2)
    files = sorted(found.name for found in server.folder.glob("log.jsonl*"))
    assert files[:1] == ["log.jsonl.1"] or files[:2] == ["log.jsonl", "log.jsonl.1"]
    assert f"{path.name}.3" not in files
    for line in Path(f"{path}.1").read_text().splitlines():
        assert json.loads(line)["model"] == "tiny"
