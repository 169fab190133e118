"""A tap on the line to a real server: passes requests on as they are, counts them, and has a script of faults."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlencode, urlsplit

from double_service import Answer, Request, Service

__all__ = ["Tap"]

HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"})


class Tap(Service):
    """In front of a server.

    Args:
        to: its address.
    """

    def __init__(self, to: str) -> None:
        super().__init__()
        self._to = urlsplit(to).netloc

    def _handled(self, request: Request) -> Answer:
        try:
            self.authorise(request)
        except Answer as answer:
            return answer
        line = http.client.HTTPConnection(self._to, timeout=30)
        try:
            query = f"?{urlencode(request.query)}" if request.query else ""
            headers: dict[str, Any] = {k: v for k, v in request.headers.items() if k not in HOP - {"date"}}
            line.request(request.method, request.path + query, request.body, headers)
            answer = line.getresponse()
            given = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
            return Answer(answer.status, answer.read(), given)
        finally:
            line.close()
