"""The ASGI application: which request goes where, and what comes back when something is wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from workbench.serving.http import Gone, Receive, Reply, Request, Send, json_reply, send_reply
from workbench.serving.refusals import Refusal
from workbench.serving.routes import Routes
from workbench.serving.service import Service

__all__ = ["App"]

logger = logging.getLogger(__name__)

_CLOSE = (b"connection", b"close")


class App:
    """Answers everything, if only by a refusal in JSON."""

    def __init__(self, service: Service) -> None:
        self._service, self._routes = service, Routes(service)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """ASGI's entry."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive), send)

    async def _answer(self, request: Request, send: Send) -> None:
        service = self._service
        began = time.perf_counter()
        request_id = request.own_id() or service.new_id()
        route, handler = self._routes.find(request)
        traced = service.tracing.request(request.method, route, request.headers) if service.tracing else None
        try:
            reply = await handler(request, request_id, traced)
        except Refusal as refusal:
            service.metrics.refused(refusal.reason)
            reply = _refused(refusal)
        except Gone:
            reply = Reply(499, b"")  # nobody reads it; the metrics count it
        except Exception as error:  # noqa: BLE001 - a request must not end a server, and no value go into its log
            logger.error("request %s failed: %s%s", request_id, type(error).__name__, _place(error))  # noqa: TRY400
            reply = json_reply({"error": f"the server failed; it is request {request_id}"}, 500)
        if reply.status != 499:
            extra: tuple[tuple[bytes, bytes], ...] = ((b"x-request-id", request_id.encode()),)
            if service.draining:
                extra = (*extra, _CLOSE)
            await send_reply(send, reply, extra)
        service.metrics.request(route, reply.status, reply.version, time.perf_counter() - began)
        if traced is not None:
            traced.end(reply.status)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self._service.start()
                except OSError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await self._service.may_listen()
                if self._service.failed is not None:  # nobody is to be connected to who answers nothing
                    await self._service.stop()
                    await send({"type": "lifespan.startup.failed"})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._service.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _refused(refusal: Refusal) -> Reply:
    headers: list[tuple[bytes, bytes]] = []
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer error="invalid_token"'))
    return json_reply(refusal.body(), refusal.status, *headers)


def _place(error: BaseException) -> str:
    """File and line; an exception's own text may hold values of the request."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return f" at {last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
