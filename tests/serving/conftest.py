"""Tiny models, servers in processes of their own, and clients on real sockets, as fixtures."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asking import Callers, Load
from server_process import Server, running
from tiny_models import ROW, Saved, make_model, make_table, traffic_text
from trace_collector import Collector

from workbench.files import sha256_of_folder, write_text
from workbench.learning import TabularModel


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


@pytest.fixture(scope="session")
def start() -> Callable[..., Any]:
    """``with start(folder, "--traffic", path, limits={…}) as server``."""
    return running


@pytest.fixture(scope="session")
def write_traffic(saved: dict[str, Saved]) -> Callable[..., str]:
    """``write_traffic(path, v3=90, v4=10)`` → the text's digest."""

    def write(path: Path, **shares: int) -> str:
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


@pytest.fixture(scope="session")
def callers() -> type[Callers]:
    """Clients that come anew for each request."""
    return Callers


@pytest.fixture(scope="session")
def load() -> type[Load]:
    """Clients under load."""
    return Load


@pytest.fixture(scope="session")
def make() -> tuple[Callable[..., pa.Table], Callable[..., TabularModel]]:
    """Tables and models: ``make_table(task, rows, seed)``, ``make_model(task, seed)``."""
    return make_table, make_model


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
