"""The model takes whatever waits when it is free: no timer, so a single request never waits for company.

All requests that are read in one turn of the event loop are computed together in the next. A batch that is quick, as
measured, is computed on the loop itself: handing it to a thread and back would take longer. One that is slow goes to a
thread, so that health checks are answered meanwhile; what comes in then waits, and is the next batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workbench.clients.serving import Batching
from workbench.serving.contract import Predicted
from workbench.serving.refusals import Refusal
from workbench.serving.rows import Rows
from workbench.serving.versions import Version

__all__ = ["Batcher"]


@dataclass(slots=True)
class _Job:
    version: Version
    rows: Rows
    future: asyncio.Future[Predicted]


class Batcher:
    """One queue before one model at a time.

    Args:
        batching: sizes.
        queue_rows: rows that may wait.
        on_batch: is told of each batch: version, requests, rows, seconds.
    """

    def __init__(
        self, batching: Batching, queue_rows: int, on_batch: Callable[[Version, int, int, float], None]
    ) -> None:
        self._batching, self._limit, self._on_batch = batching, queue_rows, on_batch
        self._inline = batching.inline_milliseconds / 1000
        self._jobs: deque[_Job] = deque()
        self._busy = self._called = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self.waiting_rows = 0

    def submit(self, version: Version, rows: Rows) -> asyncio.Future[Predicted]:
        """Queue rows; the future has their predictions.

        Raises:
            Refusal: 429, too many rows wait.
        """
        count = rows.num_rows
        if self.waiting_rows and self.waiting_rows + count > self._limit:
            raise Refusal(
                429, "more rows wait for the model than may", retry_after=self._seconds_to_wait(), reason="queue_full"
            )
        loop = asyncio.get_running_loop()
        job = _Job(version, rows, loop.create_future())
        self._jobs.append(job)
        self.waiting_rows += count
        self._call()
        return job.future

    def close(self) -> None:
        """End the thread; nothing may wait any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _seconds_to_wait(self) -> int:
        last = self._jobs[-1] if self._jobs else None
        expected = last.version.costs.expected(self._batching.rows) if last else 0.0
        batches = self.waiting_rows / self._batching.rows
        return max(1, min(60, round(expected * batches))) if expected != float("inf") else 1

    def _call(self) -> None:
        if not self._busy and not self._called and self._jobs:
            self._called = True
            asyncio.get_running_loop().call_soon(self._take)

    def _take(self) -> None:
        """Compute all that waits for one version, as much as a batch holds."""
        self._called = False
        jobs = self._next_batch()
        if not jobs:
            return
        version = jobs[0].version
        rows = Rows.together(job.rows for job in jobs)
        if version.costs.expected(rows.num_rows) <= self._inline:
            self._deliver(jobs, self._computed(version, rows))
            self._call()
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._thread, self._computed, version, rows)
        done.add_done_callback(lambda future: self._after(jobs, future))

    def _after(self, jobs: list[_Job], done: asyncio.Future[tuple[Predicted | Exception, float]]) -> None:
        self._busy = False
        if not done.cancelled():
            self._deliver(jobs, done.result())
        self._call()

    def _next_batch(self) -> list[_Job]:
        """The jobs of the version that has waited longest; those of others keep their order."""
        jobs: list[_Job] = []
        others: list[_Job] = []
        count = 0
        while self._jobs:
            job = self._jobs[0]
            rows = job.rows.num_rows
            if jobs and count + rows > self._batching.rows:
                break
            self._jobs.popleft()
            if job.future.done():  # whoever asked has gone
                self.waiting_rows -= rows
            elif jobs and job.version is not jobs[0].version:
                others.append(job)
            else:
                jobs.append(job)
                count += rows
        self._jobs.extendleft(reversed(others))
        self.waiting_rows -= count
        return jobs

    @staticmethod
    def _computed(version: Version, rows: Rows) -> tuple[Predicted | Exception, float]:
        import time

        began = time.perf_counter()
        try:
            return version.predict(rows), time.perf_counter() - began
        except Exception as error:  # noqa: BLE001 - it goes to those who asked
            return error, time.perf_counter() - began

    def _deliver(self, jobs: list[_Job], computed: tuple[Predicted | Exception, float]) -> None:
        predicted, seconds = computed
        start = 0
        for job in jobs:
            end = start + job.rows.num_rows
            if not job.future.done():
                if isinstance(predicted, Exception):
                    job.future.set_exception(predicted)
                else:
                    job.future.set_result(predicted if len(jobs) == 1 else predicted.cut(start, end))
            start = end
        self._on_batch(jobs[0].version, len(jobs), start, seconds)
