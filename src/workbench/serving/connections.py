"""Connections that take too long are cut off, so that a client which is slow on purpose holds nothing for long.

uvicorn ends a connection that is idle between two requests. It waits for ever for a head that comes a byte at a time,
for a body that never ends, and for a client that does not read its answer (the attacks known as Slowloris, R.U.D.Y. and
slow read). Here each connection notes when what it waits for began, and one task looks at all of them each half second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workbench.clients.serving import Limits

__all__ = ["TimedProtocol", "cut_off_slow_ones"]

EVERY = 0.5

_TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncontent-length: 42\r\nconnection: close\r\n\r\n"
    b'{"error": "the request took too long"}    '
)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with two clocks.

    Attributes:
        head_since: when a head began to be waited for; None while none is.
        request_since: when a head was complete; None once the answer has gone.
    """

    head_since: float | None = None
    request_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        """A new connection has to say something."""
        super().connection_made(transport)
        self.head_since = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """The first byte after an answer begins a head."""
        if self.head_since is None and self.request_since is None:
            self.head_since = time.monotonic()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """The head is there; from now on the request counts."""
        self.head_since = None
        if self.request_since is None:  # else it is pipelined behind one that is being answered
            self.request_since = time.monotonic()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The answer has been written; the client may still not read it."""
        waiting = bool(self.pipeline)
        super().on_response_complete()
        self.request_since = time.monotonic() if waiting else None

    def late(self, now: float, limits: Limits) -> bool:
        """Whether it has had its time."""
        if self.head_since is not None:
            return now - self.head_since > limits.header_seconds
        return self.request_since is not None and now - self.request_since > limits.request_seconds

    def cut_off(self) -> None:
        """Say so, if an answer was not begun, and close."""
        if self.transport.is_closing():
            self.transport.abort()  # it was closed before, and its client does not read what is left
            return
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            self.transport.write(_TIMEOUT)
        self.transport.close()


async def cut_off_slow_ones(connections: Iterable[Any], limits: Limits) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(EVERY)
        now = time.monotonic()
        for connection in list(connections):
            if isinstance(connection, TimedProtocol) and connection.late(now, limits):
                connection.cut_off()
