"""Everything that one server holds, put together; and its beginning and end."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.serving.batching import Batcher
from workbench.serving.board import Board
from workbench.serving.http import Bodies
from workbench.serving.metrics import Metrics
from workbench.serving.options import Options
from workbench.serving.prediction_log import PredictionLog
from workbench.serving.tracing import open_tracing
from workbench.serving.versions import Roster
from workbench.serving.watch import Keeper

if TYPE_CHECKING:
    from workbench.serving.auth import Guard

__all__ = ["Service"]


class Service:
    """One server's parts. It is made and used on one event loop.

    Attributes:
        failed: why the server cannot serve; it ends then.
        draining: whether it takes its leave: no connection is kept open any more.
    """

    def __init__(self, options: Options) -> None:
        serving = options.serving
        self.options, self.limits = options, serving.limits
        self.roster = Roster()
        self.keeper = Keeper(self.roster, serving, options.model, options.source)
        self.metrics = Metrics(options.model)
        self.batcher = Batcher(serving.batching, serving.limits.queue_rows, self.metrics.batch)
        self.bodies = Bodies(serving.limits.body_bytes, serving.limits.held_bytes)
        self.tracing = open_tracing(options.model)
        self.guard = _guard(options)
        self.log = (
            PredictionLog(options.log_path, serving.log, options.model, options.left_out)
            if options.log_path is not None and serving.log.on
            else None
        )
        self.metrics.watch(
            lambda: self.batcher.waiting_rows, lambda: self.log.dropped if self.log else 0, lambda: self.ready
        )
        worker = options.worker
        self.board = Board(worker.board, options.workers, worker.place) if worker is not None else None
        self.draining = False
        self.failed: WorkbenchError | None = None
        self._ids, self._prefix = count(1), secrets.token_hex(6)
        self._tasks: list[asyncio.Task[None]] = []
        self._loaded = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether requests are answered: a model is loaded, checked and warm, and nobody has asked to stop.

        Of several workers, all have to have been so at once; one that is replaced later does not count.
        """
        return self.roster.current is not None and not self.draining and (self.board is None or self._all_came_up())

    @property
    def state(self) -> str:
        """In a word."""
        if self.draining:
            return "draining"
        return "ready" if self.ready else "loading"

    def status(self) -> dict[str, Any]:
        """What is in force, and what went wrong last; of several workers, what all have in force."""
        found = {"state": self.state, **self.keeper.status()}
        if self.board is None:
            return found
        self.tell_others()
        mine = self.roster.current.sha256 if self.roster.current else None
        if mine is not None and not self.board.all_have(mine):
            found |= {"generation": None, "loading": True}
        seen = found["seen"]
        if found["last_error"] is None and seen is not None:
            other = self.board.who_failed(seen)
            if other is not None:
                message = f"worker {other} could not load it; the log says why"
                found["last_error"] = {"sha256": seen, "message": message, "at": None}
        return {**found, "workers": self.board.workers, "workers_ready": self.board.ready}

    @property
    def shares(self) -> dict[str, int]:
        """The split that is in force; empty before anything is."""
        current = self.roster.current
        return dict(current.traffic.traffic) if current is not None else {}

    def tell_others(self) -> None:
        """Write down for the other workers how this one is."""
        if self.board is None:
            return
        self.metrics.refresh()
        # Of several workers the largest share counts, so none may still tell the split of before.
        self.metrics.shares(self.shares)
        self._post()

    def _post(self) -> None:
        if self.board is None:
            return
        current, error = self.roster.current, self.keeper.last_error
        failed = error["sha256"] if error else None
        self.board.put(ready=current is not None, in_force=current.sha256 if current else None, failed=failed)

    def _all_came_up(self) -> bool:
        self._post()
        return self.board is not None and self.board.came_up

    def new_id(self) -> str:
        """A request's id that no other process gives."""
        return f"{self._prefix}-{next(self._ids):x}"

    def start(self) -> None:
        """Begin to load; what comes before it is done is told to come again."""
        if self.log is not None:
            self.log.start()
        self._tasks.append(asyncio.get_running_loop().create_task(self._serve()))

    async def may_listen(self) -> None:
        """Wait until connections are to be taken: one worker of several takes none before it can answer.

        Who waits for one that is being replaced is then answered, and not told to come again.
        """
        if self.board is not None:
            await self._loaded.wait()

    async def stop(self) -> None:
        """End, when no request is under way any more."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.keeper.close()
        self.batcher.close()
        if self.log is not None:
            self.log.close()
        if self.tracing is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.tracing.close)

    async def _serve(self) -> None:
        try:
            await self.keeper.load_first()
        except WorkbenchError as error:
            self.failed = error
            return
        finally:
            self._loaded.set()
        await self.keeper.watch()


def _guard(options: Options) -> Guard | None:
    if options.serving.auth is None:
        return None
    from workbench.serving.auth import Guard

    return Guard(options.serving.auth)
