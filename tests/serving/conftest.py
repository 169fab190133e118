"""Tiny models of all kinds, real servers in processes of their own, and clients on real sockets."""

from __future__ import annotations

import asyncio
import http.client
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.files import sha256_of_folder, write_text
from workbench.learning import Columns, TabularModel, TrainConfig, fit
from workbench.learning.networks import TabMSpec

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parents[1] / "deploy/docker/serving/requirements.txt"
CLASSES = ("high", "low", "middle")
NUMERIC, CATEGORICAL = ("slope", "wave", "constant", "empty"), ("kind", "void")
ROW = {"slope": 0.3, "wave": -1.25, "constant": 1, "empty": None, "kind": "a", "void": None}


@cache
def not_in_the_container() -> frozenset[str]:
    """Names to import that are installed here, and are none of what deploy/docker/serving installs."""
    held = {"smithright-workbench"}
    wanted = [
        (Requirement(line), frozenset[str]())
        for line in REQUIREMENTS.read_text().splitlines()
        if line and line[0] != "#"
    ]
    while wanted:
        requirement, extras = wanted.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        new = name not in held
        held.add(name)
        if new or requirement.extras:
            found = [Requirement(text) for text in distribution(name).requires or ()]
            wanted += [(one, frozenset(requirement.extras) | {""}) for one in found]
    return frozenset(
        module
        for module, owners in packages_distributions().items()
        if not held & {canonicalize_name(owner) for owner in owners}
    )


def make_table(task: str, rows: int, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    slope, wave = random.normal(size=(2, rows))
    kind = random.choice(["a", "b", "c", "rare"], rows, p=[0.33, 0.33, 0.33, 0.01])
    gap = random.random(rows) < 0.1
    noisy = 1.5 * slope * (kind == "a") + np.sin(2 * wave) + (kind == "b") + random.normal(size=rows) * 0.3
    target: Any = noisy * 100 + 1000
    if task == "binary":
        target = (noisy > 0.5).astype(np.int8)
    elif task == "multiclass":
        target = np.array(["low", "middle", "high"])[np.digitize(noisy, [-0.5, 0.8])]
    return pa.table(
        {
            "slope": slope,
            "wave": pa.array(np.where(gap, np.nan, wave), from_pandas=True),
            "constant": np.ones(rows),
            "empty": pa.nulls(rows, pa.float64()),
            "kind": pa.array(kind, mask=random.random(rows) < 0.05),
            "void": pa.nulls(rows, pa.string()),
            "y": target,
        }
    )


def make_model(task: str, seed: int = 0) -> TabularModel:
    columns = Columns(task, "y", NUMERIC, CATEGORICAL, CLASSES if task == "multiclass" else None)  # type: ignore[arg-type]
    config = TrainConfig(seed=seed, epochs=2, network=TabMSpec(members=4, width=32, blocks=1, bins=8))
    return fit(make_table(task, 800, seed), make_table(task, 200, seed + 1), columns, config)


@dataclass(frozen=True)
class Saved:
    model: TabularModel
    folder: Path
    sha256: str

    @property
    def spec(self) -> dict[str, str]:
        return {"artifact": str(self.folder), "sha256": self.sha256}


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """Rows that no model has seen."""
    return make_table("binary", 400, 99)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Saved]:
    """Two versions of a model, saved."""
    found = {}
    for name, seed in (("3", 3), ("4", 4)):
        folder = tmp_path_factory.mktemp("models") / name
        model = make_model("binary", seed)
        model.save(folder)
        found[name] = Saved(model, folder, sha256_of_folder(folder))
    return found


def traffic_text(saved: dict[str, Saved], **shares: int) -> str:
    """``traffic_text(saved, v3=90, v4=10)``."""
    named = {name.removeprefix("v"): share for name, share in shares.items()}
    return json.dumps({"versions": {name: saved[name].spec for name in named}, "traffic": named})


@dataclass
class Server:
    """A server in a process of its own, from which nothing that a container lacks can be imported."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    traffic: Path | None
    opened: list[http.client.HTTPConnection] = field(default_factory=list)

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, parsed body, headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})} if content is not None else headers or {}
        try:
            connection.request(method or ("POST" if content is not None else "GET"), path, content, sent)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(raw) if "json" in found.get("content-type", "") and raw else raw, found

    def status(self) -> dict[str, Any]:
        return self.ask("/v2/health/status")[1]

    def until(self, reached: Callable[[dict[str, Any]], bool], seconds: float = 20) -> dict[str, Any]:
        """Wait for a state of the status page."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            status = self.status()
            if reached(status):
                return status
            time.sleep(0.05)
        pytest.fail(f"not reached: {status}")

    def peak_bytes(self) -> int:
        """The most memory that it ever held."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024

    def log(self) -> str:
        return (self.folder / "stderr.txt").read_text()


@contextmanager
def running(folder: Path, *arguments: str, environ: dict[str, str] | None = None, **settings: Any) -> Iterator[Server]:
    """Start a server and wait until it is ready; end it, if it has not ended."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, stderr = folder / "ready.json", folder / "stderr.txt"
    ready.unlink(missing_ok=True)
    command = [
        sys.executable,
        str(HERE / "blocked_main.py"),
        "--name",
        "tiny",
        "--port",
        "0",
        "--ready-file",
        str(ready),
    ]
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("AIP_", "OTEL_", "WORKBENCH_"))}
    blocked = folder / "blocked.json"
    blocked.write_text(json.dumps(sorted(not_in_the_container())))
    variables["BLOCKED_MODULES"] = str(blocked)
    if settings:
        variables["WORKBENCH_SERVING"] = json.dumps(settings)
    with stderr.open("wb") as stream:
        process = subprocess.Popen([*command, *arguments], env=variables | (environ or {}), stderr=stream, cwd=folder)
    try:
        port = _port(process, ready, stderr)
        traffic = Path(arguments[arguments.index("--traffic") + 1]) if "--traffic" in arguments else None
        server = Server(folder, process, port, traffic)
        server.until(lambda status: status["state"] == "ready", seconds=60)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(20)


def _port(process: subprocess.Popen[bytes], ready: Path, stderr: Path) -> int:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        if ready.exists():
            return int(json.loads(ready.read_text())["port"])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    pytest.fail(f"the server did not start: {stderr.read_text()}")


@pytest.fixture(scope="session")
def start() -> Callable[..., Any]:
    """``with start(folder, "--traffic", path, limits={…}) as server``."""
    return running


@pytest.fixture(scope="session")
def write_traffic(saved: dict[str, Saved]) -> Callable[..., str]:
    """``write_traffic(path, v3=90, v4=10)`` → the text's digest."""

    def write(path: Path, **shares: int) -> str:
        import hashlib

        text = traffic_text(saved, **shares)
        write_text(path, text)
        return hashlib.sha256(text.encode()).hexdigest()

    return write


@pytest.fixture(scope="session")
def predict() -> Callable[..., Any]:
    """The answer of an in-memory model, as ``score`` would write it: ``predict(model, rows)``."""

    def of(model: TabularModel, rows: pa.Table) -> tuple[list[Any], list[float] | None]:
        from workbench.registry.predictions import prediction_columns

        columns = prediction_columns(model.columns, model.predict(rows))
        odds = columns.get("probability")
        return columns["prediction"].to_pylist(), odds.to_pylist() if odds is not None else None

    return of


@pytest.fixture(scope="session")
def row() -> dict[str, Any]:
    """One row that is as it should be."""
    return dict(ROW)


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


@pytest.fixture(scope="session")
def callers() -> type[Callers]:
    """Clients that come anew for each request."""
    return Callers


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers; the body is read and dropped."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split()[1]), headers


@pytest.fixture(scope="session")
def load() -> type[Load]:
    """Clients under load."""
    return Load


@pytest.fixture(scope="session")
def make() -> tuple[Callable[..., pa.Table], Callable[..., TabularModel]]:
    """Tables and models: ``make_table(task, rows, seed)``, ``make_model(task, seed)``."""
    return make_table, make_model


class Collector:
    """An OpenTelemetry collector: takes OTLP over HTTP, parsed by the protocol's own types."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
                    ExportTraceServiceRequest,
                    ExportTraceServiceResponse,
                )

                raw = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                assert self.headers["Content-Type"] == "application/x-protobuf"
                for of_resource in ExportTraceServiceRequest.FromString(raw).resource_spans:
                    names = {item.key: item.value.string_value for item in of_resource.resource.attributes}
                    collector.services.add(names["service.name"])
                    for scoped in of_resource.scope_spans:
                        collector.spans.extend(scoped.spans)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the shared server sends its traces."""
    made = Collector()
    yield made
    made.close()


@dataclass
class Shared:
    """One server for the modules that want nothing special: a start takes seconds."""

    stack: ExitStack
    server: Server | None = None


@pytest.fixture(scope="session")
def shared() -> Iterator[Shared]:
    """Ended with the session."""
    with ExitStack() as stack:
        yield Shared(stack)


@pytest.fixture(scope="module")
def server(
    shared: Shared,
    tmp_path_factory: pytest.TempPathFactory,
    write_traffic: Callable[..., str],
    collector: Collector,
) -> Server:
    """A server of version 3 alone, started as Vertex AI would; a new one, if a test has ended it."""
    if shared.server is None or shared.server.process.poll() is not None:
        folder = tmp_path_factory.mktemp("server")
        traffic, log = folder / "traffic.json", folder / "log" / "predictions.jsonl"
        write_traffic(traffic, v3=100)
        environ = {
            "AIP_HEALTH_ROUTE": "/v1/endpoints/77/deployedModels/88",
            "AIP_PREDICT_ROUTE": "/v1/endpoints/77/deployedModels/88:predict",
            "AIP_DEPLOYED_MODEL_ID": "88",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server.server_port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        arguments = ["--traffic", str(traffic), "--prediction-log", str(log), "--leave-out", "wave"]
        running_one = running(folder, *arguments, environ=environ, limits={"rows": 450})
        shared.server = shared.stack.enter_context(running_one)
    assert shared.server.traffic is not None
    digest = write_traffic(shared.server.traffic, v3=100)
    shared.server.until(lambda status: status["generation"]["sha256"] == digest)
    return shared.server
