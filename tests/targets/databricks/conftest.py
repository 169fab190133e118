"""A workspace, and a client's deployment to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from databricks_double import DatabricksDouble, Rows
from unity_vaults import AzureVault, GoogleVault, S3Vault

from workbench.clients.targets import DatabricksTarget
from workbench.files import sha256_of_folder
from workbench.targets.book import Book
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.prices import Prices
from workbench.targets.release import Release
from workbench.targets.working import Silence, Work

PRICES = Prices.model_validate(
    {
        "day": date(2026, 11, 1),
        "currency": "USD",
        "targets": {
            "databricks": {
                "source": "https://prices.example",
                "region": "here",
                "machines": {"Small": {"hour": 0.28, "cpus": 4, "memory_gib": 16}},
            }
        },
    }
)
SECRETS = {"DATABRICKS_TOKEN": "dapi-double-of-a-token"}
MODEL = "fleet.models.workbench_alpha"


class Times(Release):
    """A release whose model multiplies by its version; its artifact is two files."""

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return [{"x": 1.0}, {"x": 2.5}]

    @cached_property
    def expected(self) -> list[dict[str, Any]]:
        return [{"prediction": row["x"] * self.version} for row in self.rows]


def times(files: Mapping[str, bytes]) -> Callable[[Rows], list[Any]]:
    """What the double makes of such files."""
    factor = json.loads(files["data/model/factor.json"])
    return lambda rows: [{"prediction": row["x"] * factor} for row in rows]


@pytest.fixture
def release(tmp_path: Path) -> Callable[[int], Times]:
    """Versions of alpha's model."""

    def made(version: int) -> Times:
        artifact = tmp_path / "releases" / str(version)
        folder = artifact / "data/model"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "factor.json").write_text(str(version))
            (artifact / "MLmodel").write_text("flavors: {}\n")
        return Times("alpha", version, sha256_of_folder(folder), "run1", artifact)

    return made


@pytest.fixture
def cloud() -> Iterator[DatabricksDouble]:
    with DatabricksDouble(times) as service:
        yield service


Open = Callable[..., Deployment]


@pytest.fixture
def target(cloud: DatabricksDouble) -> Callable[..., Databricks]:
    """The adapter, as a new process would open it."""

    def opened(secrets: Mapping[str, str] = SECRETS, **settings: Any) -> Databricks:
        given = {"kind": "databricks", "host": cloud.address, "catalog": "fleet", "schema": "models"} | settings
        return Databricks("alpha", "lakehouse", DatabricksTarget.model_validate(given), secrets)

    return opened


@pytest.fixture
def deploy(target: Callable[..., Databricks], release: Callable[[int], Times], tmp_path: Path) -> Iterator[Open]:
    """A deployment of client alpha, as a new process would open it."""
    opened: list[Databricks] = []

    def deployment(*, budget: float | None = None, deadline: float = 10.0, **settings: Any) -> Deployment:
        adapter = target(**settings)
        opened.append(adapter)
        book = Book(tmp_path, "alpha", "lakehouse")
        work = Work(adapter, "alpha", book, Silence(), poll_seconds=0.001, deadline_seconds=deadline, scale=0.0)
        return Deployment(
            tmp_path, "alpha", adapter, work, book, prices=PRICES, releases=release, tolerance=1e-6, budget=budget
        )

    yield deployment
    for adapter in opened:
        adapter.close()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["s3", "gs", "abfss"])
def vault(request: pytest.FixtureRequest, cloud: DatabricksDouble) -> Iterator[Any]:
    """The storage behind a workspace that takes no files itself."""
    kind = request.param
    made: Any = (
        S3Vault(request.getfixturevalue("moto")) if kind == "s3" else {"gs": GoogleVault, "abfss": AzureVault}[kind]()
    )
    with made as store:
        cloud.vault, cloud.says_files, cloud.takes_files = store, False, False
        yield store


@pytest.fixture
def through(deploy: Open, request: pytest.FixtureRequest) -> Open:
    """A deployment whose files go to the vault."""
    address = request.getfixturevalue("vault").address
    return lambda **more: deploy(storage_address=address, **more)
