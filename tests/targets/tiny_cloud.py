"""A small cloud, and the adapter for it: the least that has all that makes real ones hard.

What is made takes time, is not seen at once, is refused if it is there, and cannot be taken down while it is used.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from double_service import Operation, Request, Service, route

from workbench.errors import Gone, TargetError, Unreachable
from workbench.retrying import seconds_of
from workbench.targets.cost import Cost, Line
from workbench.targets.names import name_of, name_of_version, version_of_name
from workbench.targets.prices import Prices
from workbench.targets.protocol import AlreadyThere, Answered, Doing, Fact, Found
from workbench.targets.release import Release


class TinyCloud(Service):
    """Keeps things by collection and name; an endpoint has deployed models and a split.

    Attributes:
        unseen: how many looks a new thing stays invisible.
        slow: how many looks an operation takes.
        wrong: added to each prediction of these versions.
        is_jealous: whether what is there already is refused; else it is made a second time.
        forgets: whether an operation that is done is not known any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.things: dict[tuple[str, str], dict[str, Any]] = {}
        self.made: list[tuple[str, str]] = []
        self.operations: dict[str, Operation] = {}
        self.split: dict[str, int] = {}
        self.unseen, self.slow = 0, 1
        self.wrong: dict[int, float] = {}
        self.is_jealous, self.forgets = True, False
        self.answers = 0

    def authorise(self, request: Request) -> None:
        """Whoever may ask; and work goes on, whatever is asked."""
        for operation in self.operations.values():
            operation.look()

    def _begin(self, effect: Any) -> dict[str, str]:
        name = f"op-{len(self.operations) + 1}"
        self.operations[name] = Operation(self.slow, effect)
        return {"operation": name}

    @route("PUT", "/split")
    def set_split(self, request: Request) -> Any:
        wanted = request.json()
        if sum(wanted.values()) != 100:
            return self.error(400, "the split is not 100")

        def effect() -> None:
            self.split = wanted

        return self._begin(effect)

    @route("GET", "/split")
    def get_split(self, _: Request) -> Any:
        return self.split

    @route("POST", "/(?P<kind>[a-z]+)/(?P<name>[^/]+)")
    def make(self, request: Request, kind: str, name: str) -> Any:
        if (kind, name) in self.things and self.is_jealous:
            return self.error(409, f"{name} is there")
        thing = {**request.json(), "ready": False, "unseen": self.unseen}
        self.things[kind, name] = thing
        self.made.append((kind, name))
        return self._begin(lambda: thing.update(ready=True))

    @route("GET", "/(?P<kind>[a-z]+)/(?P<name>[^/]+)")
    def show(self, _: Request, kind: str, name: str) -> Any:
        if kind == "operations":
            operation = self.operations.get(name)
            if operation is None or (operation.done and self.forgets):
                return self.error(404, "no such operation")
            return {"done": operation.done}
        thing = self.things.get((kind, name))
        if thing is None or thing["unseen"] > 0:
            if thing is not None:
                thing["unseen"] -= 1
            return self.error(404, f"there is no {name}")
        return thing

    @route("GET", "/(?P<kind>[a-z]+)")
    def all(self, _: Request, kind: str) -> Any:
        return [name for (of, name) in self.things if of == kind]

    @route("PATCH", "/(?P<kind>[a-z]+)/(?P<name>[^/]+)")
    def change(self, request: Request, kind: str, name: str) -> Any:
        thing, wanted = self.things[kind, name], request.json()
        return self._begin(lambda: thing.update(wanted))

    @route("DELETE", "/(?P<kind>[a-z]+)/(?P<name>[^/]+)")
    def remove(self, _: Request, kind: str, name: str) -> Any:
        if (kind, name) not in self.things:
            return self.error(404, f"there is no {name}")
        if kind == "endpoints" and any(of == "servers" for of, _ in self.things):
            return self.error(400, "the endpoint has servers")
        if kind == "servers" and self.split.get(name) and len(self.split) > 1:
            return self.error(400, "the server has traffic")
        self.split.pop(name, None)
        return self._begin(lambda: self.things.pop((kind, name), None))

    @route("POST", "/predict")
    def predict(self, request: Request) -> Any:
        asked = request.json()
        if not self.split and not asked["pinned"]:
            return self.error(404, "nothing is served")
        # The answers of a hundred requests are split exactly.
        self.answers = (self.answers + 37) % 100
        wheel = [server for server, percent in sorted(self.split.items()) for _ in range(percent)]
        server = asked["pinned"] or wheel[self.answers]
        version = int(server.rpartition("-v")[2])
        wrong = self.wrong.get(version, 0.0)
        return {"server": server, "predictions": [row["x"] * version + wrong for row in asked["rows"]]}

    def count(self, kind: str) -> int:
        """How many things of a kind there are."""
        return sum(of == kind for of, _ in self.things)


class TinyRelease(Release):
    """A release whose model multiplies by its version."""

    @property
    def rows(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [{"x": 1.0}, {"x": 2.0}]

    @property
    def expected(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [{"prediction": row["x"] * self.version} for row in self.rows]


def release(version: int) -> TinyRelease:
    """A version of alpha's model."""
    return TinyRelease("alpha", version, f"{version:064x}", "run1")


@dataclass(frozen=True)
class TinyPart:
    target: TinyTarget
    kind: str
    name: str
    version: int | None
    wanted: Mapping[str, Fact]
    labels: Mapping[str, str]

    def find(self) -> Found | None:
        thing = self.target.call("GET", f"/{self.kind}/{self.name}", missing=True)
        if thing is None:
            return None
        facts = {name: thing[name] for name in self.wanted}
        return Found(self.name, facts, thing["labels"], thing["ready"])

    def create(self) -> str:
        body = {**self.wanted, "labels": dict(self.labels)}
        return str(self.target.call("POST", f"/{self.kind}/{self.name}", body)["operation"])

    def change(self, found: Found) -> str:
        return str(self.target.call("PATCH", f"/{self.kind}/{found.id}", dict(self.wanted))["operation"])

    def delete(self, found: Found) -> str:
        done = self.target.call("DELETE", f"/{self.kind}/{found.id}", missing=True)
        return "" if done is None else str(done["operation"])

    def poll(self, operation: str) -> Doing:
        return self.target.poll(operation)


@dataclass(frozen=True)
class TinyTarget:
    port: int
    client: str = "alpha"
    can_pin: bool = True
    caution: str = ""
    machine: str = "small"
    name: str = "tiny"
    kind: str = "tiny"
    where: str = "the tiny cloud"

    def parts(self, release: Release) -> Sequence[TinyPart]:
        labels = release.labels
        one, all_ = name_of_version(self.client, release.version), name_of(self.client)
        return [
            TinyPart(self, "models", one, release.version, {"sha256": release.sha256}, labels),
            TinyPart(self, "endpoints", all_, None, {}, labels),
            TinyPart(self, "servers", one, release.version, {"machine": self.machine}, labels),
        ]

    def versions(self) -> Sequence[int]:
        names = self.call("GET", "/models") + self.call("GET", "/servers")
        return [version for name in names if (version := version_of_name(self.client, name)) is not None]

    def traffic(self) -> Mapping[int, int]:
        split = self.call("GET", "/split")
        return {int(name.rpartition("-v")[2]): percent for name, percent in split.items()}

    def split(self, traffic: Mapping[int, int]) -> str:
        split = {name_of_version(self.client, version): percent for version, percent in traffic.items()}
        return str(self.call("PUT", "/split", split)["operation"])

    def poll(self, operation: str) -> Doing:
        found = self.call("GET", f"/operations/{operation}", missing=True)
        if found is None:
            raise Gone(f"operation {operation} is not known")
        return Doing(found["done"])

    def predict(self, rows: Sequence[Mapping[str, Any]], version: int) -> Answered:
        pinned = name_of_version(self.client, version) if self.can_pin else ""
        answer = self.call("POST", "/predict", {"rows": list(rows), "pinned": pinned})
        version = int(answer["server"].rpartition("-v")[2])
        return Answered(version, [{"prediction": value} for value in answer["predictions"]])

    def cost(self, prices: Prices) -> Cost:
        return Cost((Line("a server", 730, "h", 0.1, "https://tiny.example"),), prices.currency, str(prices.day))

    def close(self) -> None:
        pass

    def call(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode())
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"the tiny cloud broke off ({type(error).__name__})") from error
        finally:
            connection.close()
        if response.status == 404 and missing:
            return None
        if response.status == 409:
            raise AlreadyThere(f"{path} is there")
        if response.status >= 500 or response.status == 429:
            error = Unreachable(f"the tiny cloud answers {response.status}")
            error.retry_after = seconds_of(response.getheader("Retry-After"))
            raise error
        if response.status >= 400:
            raise TargetError(f"the tiny cloud answers {response.status}: {content.decode()[:200]}")
        return json.loads(content)

    def with_machine(self, machine: str) -> TinyTarget:
        return replace(self, machine=machine)


__all__ = ["TinyCloud", "TinyRelease", "TinyTarget", "release"]
