"""A request and a reply of ASGI, as far as this server needs them; bodies are read within bounds.

https://asgi.readthedocs.io/en/latest/specs/www.html, section "HTTP". There are a dozen addresses, and bodies of one
kind, so nothing of a web framework is needed between uvicorn and the model.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from workbench.serving.refusals import Refusal

__all__ = ["Bodies", "Gone", "Reply", "Request", "json_reply", "send_reply"]

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Gone(Exception):
    """The client has hung up."""


@dataclass(slots=True)
class Reply:
    """What is sent back."""

    status: int
    body: bytes
    kind: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    version: str = ""
    """Of the model that answered."""


def json_reply(content: Any, status: int = 200, *headers: tuple[bytes, bytes], version: str = "") -> Reply:
    """JSON."""
    return Reply(status, orjson.dumps(content), JSON, headers, version)


class Request:
    """What came, but for its body."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._receive = receive
        self._scope = scope

    @cached_property
    def headers(self) -> dict[bytes, bytes]:
        """By name, in lower case; of several of one name, the last."""
        return dict(self._scope["headers"])

    async def next_part(self) -> Mapping[str, Any]:
        """The next message with some of the body.

        Raises:
            Gone: there will be none.
        """
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        return message

    def own_id(self) -> str | None:
        """The caller's ``X-Request-Id``, if it is one that can go into logs and headers."""
        given = self.headers.get(b"x-request-id")
        return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else None


class Bodies:
    """Reads bodies, and knows how many bytes all of them hold.

    Args:
        largest: bytes of one.
        together: bytes of all that are held at once.
    """

    def __init__(self, largest: int, together: int) -> None:
        self._largest, self._together = largest, together
        self.held = 0

    async def read(self, request: Request) -> bytes:
        """The whole body. Whoever has read one gives it back by :meth:`release`.

        Raises:
            Refusal: it is too large, of a kind that is not JSON, or too many are being read.
            Gone: the client hung up.
        """
        headers = request.headers
        kind, encoding = headers.get(b"content-type", JSON), headers.get(b"content-encoding", b"identity")
        if b"json" not in kind.lower():
            raise Refusal(415, "the body has to be JSON; say `Content-Type: application/json`", reason="no_json")
        if encoding.lower() != b"identity":
            raise Refusal(415, "the body has to come as it is, without Content-Encoding", reason="no_json")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._largest:
            raise self._too_large()
        size = 0
        chunks = []
        try:
            while True:
                message = await request.next_part()
                chunk = message.get("body", b"")
                size += len(chunk)
                self._hold(len(chunk), size)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    break
        except BaseException:
            self.release(size)
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def release(self, size: int) -> None:
        """A body of that size is not held any more."""
        self.held -= size

    def _hold(self, chunk: int, size: int) -> None:
        self.held += chunk
        if size > self._largest:
            raise self._too_large()
        if self.held > self._together and self.held > size:
            raise Refusal(429, "too many bodies are being read", retry_after=1, reason="bodies_full")

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body is larger than {self._largest:,} bytes", reason="too_large")


async def send_reply(send: Send, reply: Reply, extra: tuple[tuple[bytes, bytes], ...]) -> None:
    """Send it in two messages, as ASGI wants it."""
    body = reply.body
    headers = [(b"content-type", reply.kind), (b"content-length", str(len(body)).encode()), *reply.headers, *extra]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
