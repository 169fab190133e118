"""Clients on real sockets: those that keep their connection, and those that come anew for each request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

__all__ = ["Callers", "Load", "read_answer"]


@dataclass
class Load:
    """Clients that each ask one request after the other on a connection that is kept open.

    Attributes:
        answers: status and version of each answer.
        unanswered: requests that were sent and got no answer, by what happened.
        closed: connections that the server said it would close, and closed.
    """

    port: int
    body: bytes
    path: str = "/predict"
    answers: list[tuple[int, str]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    closed: int = 0
    retry_after: set[str] = field(default_factory=set)
    stop: bool = False

    async def run(self, connections: int) -> None:
        await asyncio.gather(*(self._client() for _ in range(connections)))

    async def _client(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        request = head.encode() + self.body
        try:
            while not self.stop:
                try:
                    writer.write(request)
                    await writer.drain()
                    status, headers = await read_answer(reader)
                except (OSError, asyncio.IncompleteReadError) as error:
                    self.unanswered.append(type(error).__name__)
                    return
                self.answers.append((status, headers.get("x-model-version", "")))
                if status == 429:
                    self.retry_after.add(headers["retry-after"])
                if headers.get("connection") == "close":
                    self.closed += 1
                    return
        finally:
            writer.close()


@dataclass
class Callers:
    """Clients that open a connection for each request, until they are refused one.

    Attributes:
        answers: so many were answered.
        lost: requests on connections that had come about, and got no answer, by what happened.
        away: clients that could not connect any more.
    """

    port: int
    body: bytes
    path: str = "/predict"
    answers: int = 0
    lost: list[str] = field(default_factory=list)
    away: int = 0

    async def run(self, clients: int) -> None:
        await asyncio.gather(*(self._client() for _ in range(clients)))

    async def _client(self) -> None:
        head = f"POST {self.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        while True:
            try:
                async with asyncio.timeout(5):
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                self.away += 1
                return
            try:
                writer.write(head.encode() + self.body)
                status, _ = await read_answer(reader)
                self.answers += status == 200
                if status != 200:
                    self.lost.append(str(status))
            except (OSError, asyncio.IncompleteReadError) as error:
                self.lost.append(type(error).__name__)
            finally:
                writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers; the body is read and dropped."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers
