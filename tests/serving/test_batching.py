"""The model takes whatever waits when it is free, and nobody waits for company."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from workbench.clients.serving import Batching, Serving
from workbench.serving.app import App
from workbench.serving.batching import Batcher
from workbench.serving.contract import Predicted
from workbench.serving.costs import Costs
from workbench.serving.http import Bodies
from workbench.serving.options import Options
from workbench.serving.refusals import Refusal
from workbench.serving.rows import Rows
from workbench.serving.service import Service
from workbench.serving.traffic import one_version


class Doubling:
    """In a version's place: predicts twice the number, as slowly as it is told to."""

    def __init__(self, name: str, seconds: float = 0.0, *, known: bool = True) -> None:
        self.name, self.seconds, self.costs = name, seconds, Costs()
        self.threads: list[str] = []
        if known:
            for size in range(11):
                for _ in range(2):
                    self.costs.note(1 << size, seconds)

    def predict(self, rows: Rows) -> Predicted:
        self.threads.append(threading.current_thread().name)
        time.sleep(self.seconds)
        if rows.numbers[0][0] == -1:
            raise ValueError("a value: -1")
        return Predicted([2 * numbers[0] for numbers in rows.numbers], None)  # type: ignore[operator]


def rows(*numbers: float) -> Rows:
    return Rows([(number,) for number in numbers], [()] * len(numbers))


def batches_of(scenario: Any, **settings: Any) -> list[tuple[str, int, int]]:
    """Run a scenario with a batcher; gives each batch's version, requests and rows."""
    found: list[tuple[str, int, int]] = []

    async def run() -> None:
        limit = settings.pop("queue_rows", 1000)
        batcher = Batcher(
            Batching(**settings), limit, lambda version, jobs, count, _: found.append((version.name, jobs, count))
        )
        await scenario(batcher)
        batcher.close()

    asyncio.run(run())
    return found


def test_what_waits_goes_together_and_each_gets_its_own() -> None:
    version = Doubling("3")

    async def scenario(batcher: Any) -> None:
        answers = await asyncio.gather(*(batcher.submit(version, rows(at, at + 0.5)) for at in range(10)))
        assert [answer.prediction for answer in answers] == [[2 * at, 2 * at + 1] for at in range(10)]

    assert batches_of(scenario) == [("3", 10, 20)]
    assert version.threads == ["MainThread"]


def test_versions_are_not_mixed_and_batches_are_bounded() -> None:
    three, four = Doubling("3"), Doubling("4")

    async def scenario(batcher: Any) -> None:
        await asyncio.gather(*(batcher.submit((three, four)[at % 2], rows(at, at)) for at in range(6)))
        await asyncio.gather(*(batcher.submit(three, rows(at, at, at)) for at in range(3)))

    assert batches_of(scenario, rows=6) == [("3", 3, 6), ("4", 3, 6), ("3", 2, 6), ("3", 1, 3)]


def test_a_slow_batch_leaves_the_loop_free_and_the_next_is_what_came_meanwhile() -> None:
    version = Doubling("3", 0.15)

    async def scenario(batcher: Any) -> None:
        first = batcher.submit(version, rows(1))
        await asyncio.sleep(0.02)
        assert not first.done()  # the loop goes on before the model is through
        later = [batcher.submit(version, rows(at)) for at in range(5)]
        await asyncio.gather(first, *later)

    assert batches_of(scenario) == [("3", 1, 1), ("3", 5, 5)]
    assert all(name.startswith("model") for name in version.threads)


def test_what_is_too_much_is_refused_and_who_has_gone_is_not_computed() -> None:
    version = Doubling("3", 0.1)

    async def scenario(batcher: Any) -> None:
        first = batcher.submit(version, rows(0))
        await asyncio.sleep(0.01)
        gone, stays = batcher.submit(version, rows(1, 2)), batcher.submit(version, rows(3))
        gone.cancel()
        with pytest.raises(Refusal) as caught:
            batcher.submit(version, rows(4, 5))
        assert (caught.value.status, caught.value.retry_after) == (429, 1)
        await asyncio.gather(first, stays)
        assert batcher.waiting_rows == 0
        # A request that is larger than the whole queue is taken when nothing waits.
        await batcher.submit(version, rows(*range(6)))

    assert batches_of(scenario, queue_rows=4) == [("3", 1, 1), ("3", 1, 1), ("3", 1, 6)]


def test_a_model_that_fails_fails_those_who_asked_and_nobody_else() -> None:
    version = Doubling("3")

    async def scenario(batcher: Any) -> None:
        with pytest.raises(ValueError, match="a value"):
            await batcher.submit(version, rows(-1))
        assert (await batcher.submit(version, rows(2))).prediction == [4]

    batches_of(scenario)


def test_costs_are_known_by_size() -> None:
    costs = Costs()
    assert costs.expected(1) == float("inf")
    for seconds in (9.0, 0.001):  # the first of a size pays for much else
        costs.note(1, seconds)
    assert costs.expected(1) == 0.001
    assert costs.expected(4) == 0.004
    for _ in range(2):
        costs.note(4, 0.002)
    assert costs.expected(4) == costs.expected(7) == 0.002


def test_a_failure_inside_is_a_500_without_a_value(saved: Any, row: Any, caplog: pytest.LogCaptureFixture) -> None:
    source = one_version("3", str(saved["3"].folder), saved["3"].sha256)

    class Broken:
        kind = "network"

        def predict(self, rows: Rows) -> Any:
            raise ValueError(f"could not convert {rows.texts[0][0]}")

    async def scenario() -> tuple[int, str]:
        service = Service(Options(model="tiny", source=source, serving=Serving(batching=Batching(rows=2))))
        await service.keeper.load_first()
        service.roster.current.versions["3"].model = Broken()  # type: ignore[union-attr, assignment]
        body = json.dumps({"instances": [{**row, "kind": "secret-4711"}]}).encode()
        answer = await asked(App(service), "/predict", body)
        await service.stop()
        return answer[0], answer[2]

    status, told = asyncio.run(scenario())
    assert status == 500
    assert "it is request" in told
    assert "ValueError at" in caplog.text
    assert "secret-4711" not in told + caplog.text


async def asked(app: App, path: str, body: bytes = b"") -> tuple[int, dict[bytes, bytes], str]:
    """Ask the application by ASGI: status, headers, body."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST" if body else "GET", "path": path, "headers": []}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"].decode()


def test_ready_is_after_the_load_and_before_the_stop(saved: Any, row: Any) -> None:
    source = one_version("3", str(saved["3"].folder), saved["3"].sha256)
    body = json.dumps({"instances": [row]}).encode()

    async def scenario() -> list[tuple[int, int, int]]:
        service = Service(Options(model="tiny", source=source, serving=Serving(batching=Batching(rows=2))))
        app = App(service)
        found = []

        async def look() -> None:
            paths = ("/v2/health/live", "/v2/health/ready")
            statuses = [(await asked(app, path))[0] for path in paths]
            status, headers, _ = await asked(app, "/predict", body)
            found.append((*statuses, status))
            assert (status == 503) == (b"retry-after" in headers)
            assert service.draining == (headers.get(b"connection") == b"close")

        await look()
        await service.keeper.load_first()
        await look()
        service.draining = True
        await look()
        await service.stop()
        return found

    # What is under way when a stop is asked for is still answered.
    assert asyncio.run(scenario()) == [(200, 503, 503), (200, 200, 200), (200, 503, 200)]


def test_bodies_are_held_within_bounds() -> None:
    class Slow:
        """A request whose body comes in two parts, the second one when it is let."""

        def __init__(self) -> None:
            self.headers: dict[bytes, bytes] = {}
            self.parts = [b"x" * 60, b"x" * 30]
            self.go_on = asyncio.Event()

        async def next_part(self) -> dict[str, Any]:
            part = self.parts.pop(0)
            if not self.parts:
                await self.go_on.wait()
            return {"body": part, "more_body": bool(self.parts)}

    async def scenario() -> None:
        bodies = Bodies(100, 150)
        first, second = Slow(), Slow()
        reading = asyncio.create_task(bodies.read(first))  # type: ignore[arg-type]
        also = asyncio.create_task(bodies.read(second))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        third = Slow()
        with pytest.raises(Refusal) as caught:
            await bodies.read(third)  # type: ignore[arg-type]
        assert (caught.value.status, caught.value.retry_after) == (429, 1)
        first.go_on.set()
        assert len(await reading) == 90
        second.go_on.set()
        with pytest.raises(Refusal):  # the first is not given back yet
            await also
        bodies.release(90)
        assert bodies.held == 0

    asyncio.run(scenario())
