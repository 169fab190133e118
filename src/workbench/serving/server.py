"""The process: a socket, uvicorn, and a stop that loses no request.

On SIGTERM, in this order:

1. Readiness goes, so that a load balancer sends no more. For :data:`LAME_DUCK`, connections that are open, and those
   that still come, get their answers, each with ``Connection: close``, so that a client which keeps its connection
   learns that it ends *before* it sends into it.
2. No connection can begin any more (:func:`~workbench.serving.sockets.take_no_more`); those that have begun are taken
   and answered, and then the socket is closed.
3. Who has nothing to ask is closed; what is under way is waited for, up to ``drain_seconds``.

Then the prediction log and the traces are written out, and the exit code is 0.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson
import uvicorn

from workbench.files import write_text
from workbench.serving.app import App
from workbench.serving.connections import TimedProtocol, cut_off_slow_ones
from workbench.serving.options import Options
from workbench.serving.service import Service
from workbench.serving.sockets import listening_socket, take_no_more

__all__ = ["serve"]

logger = logging.getLogger(__name__)

LAME_DUCK = 1.0
"""Seconds in which open connections may still ask something after a stop was asked for."""
SETTLE = 0.2
"""Seconds that a connection which has begun may take to be set up: a round trip."""


def serve(options: Options) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        ConfigurationError: the address is taken, or is none.
        WorkbenchError: the model cannot be served.
    """
    # Its meaning comes with the server; until then it must not be the end.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        import torch

        torch.set_num_threads(options.threads)
        if options.worker is None:
            listener = listening_socket(options.host, options.port)
        else:
            listener = socket.socket(fileno=options.worker.socket)
        with listener:
            asyncio.run(_main(options, listener)) if _no_uvloop() else _run_on_uvloop(options, listener)
    finally:
        signal.signal(signal.SIGHUP, before)


async def _main(options: Options, listener: socket.socket) -> None:
    service = Service(options)
    limits = options.serving.limits
    config = uvicorn.Config(
        App(service),
        http=TimedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections + 1,
        timeout_keep_alive=round(limits.idle_seconds) or 1,
        timeout_graceful_shutdown=round(options.serving.drain_seconds) or 1,
        backlog=2048,
    )
    server = DrainingServer(config, service)
    await server.serve(sockets=[listener])
    if service.failed is not None:
        raise service.failed


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which takes its leave as this module says, and exits with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._sweeper: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; then say where the server is."""
        try:
            await super().startup(sockets=sockets)
        except SystemExit:
            if self._service.failed is None:
                raise
            raise self._service.failed from None
        options = self._service.options
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._service.keeper.look_again)
        self._sweeper = loop.create_task(cut_off_slow_ones(self.server_state.connections, options.serving.limits))
        self._service.tell_others()
        host, port = (sockets or [])[0].getsockname()[:2]
        logger.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
        if options.ready_file is not None and options.worker is None:
            content = {"host": host, "port": port, "pid": os.getpid()}
            write_text(options.ready_file, orjson.dumps(content).decode() + "\n")

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: is there a reason to end?"""
        parent = self._service.options.parent
        orphaned = parent is not None and os.getppid() != parent
        self._service.tell_others()
        return await super().on_tick(counter) or orphaned or self._service.failed is not None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take leave."""
        self._service.draining = True
        await self._quiet(0)
        if all([take_no_more(one) for one in sockets or []]):  # noqa: C419 - each of them, whatever the first one says
            await self._quiet(SETTLE)
        for server in self.servers:
            server.close()
        await super().shutdown(sockets=sockets)
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper

    async def _quiet(self, least: float) -> None:
        """Wait until nobody is connected, at least so many seconds, and at most :data:`LAME_DUCK`."""
        begun = time.monotonic()
        while not self.force_exit:  # uvicorn tells by its set of connections only
            passed = time.monotonic() - begun
            if passed >= LAME_DUCK or (passed >= least and not self.server_state.connections):
                return
            await asyncio.sleep(0.02)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but a signal that was obeyed is not raised again: the exit code of a stop is 0."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """The first signal asks, the second one forces."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _no_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401
    except ImportError:  # Windows has none
        return True
    return False


def _run_on_uvloop(options: Options, listener: socket.socket) -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(options, listener))
