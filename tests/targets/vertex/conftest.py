"""A Google Cloud project: the double, and deployments to it by the real SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from google_token_double import key_file
from vertex_double import Rows, VertexDouble

from workbench.clients.targets import VertexTarget as Settings
from workbench.clients.targets import VertexTraining
from workbench.targets.book import Book
from workbench.targets.deployment import Deployment
from workbench.targets.prices import Machine, Prices, Section
from workbench.targets.release import Release
from workbench.targets.vertex.jobs import Jobs
from workbench.targets.vertex.opening import Opened
from workbench.targets.vertex.services import Services
from workbench.targets.vertex.target import VertexTarget
from workbench.targets.working import Silence, Work

SOURCE = "https://cloud.google.com/vertex-ai/pricing"
MACHINES = {"n1-standard-2": Machine(hour=0.1, cpus=2, memory_gib=7.5)}
PRICES = Prices(
    day=date(2026, 11, 1),
    currency="USD",
    targets={"vertex": Section(source=SOURCE, region="us-central1", machines=MACHINES)},
)


class TinyRelease(Release):
    """A release whose model multiplies by its version."""

    @property
    def rows(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [{"x": 1.0, "kind": "a"}, {"x": 2.0, "kind": None}]

    @property
    def expected(self) -> list[dict[str, Any]]:  # type: ignore[override]
        return [{"prediction": row["x"] * self.version} for row in self.rows]


def multiplies(files: Mapping[str, bytes], environment: Mapping[str, str]) -> Callable[[Rows], list[Any]]:
    """A container that multiplies by the number in its file."""
    factor = json.loads(files["data/model/factor.json"])
    assert environment["WORKBENCH_MODEL_VERSION"] == str(factor)
    return lambda rows: [{"prediction": row["x"] * factor} for row in rows]


@pytest.fixture
def vertex() -> Iterator[VertexDouble]:
    with VertexDouble(multiplies) as service:
        yield service


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., TinyRelease]:
    """A version of a client's model, with three small files."""

    def made(version: int, client: str = "alpha") -> TinyRelease:
        folder = tmp_path / "models" / client / f"{version}"
        if not folder.exists():
            (folder / "data/model").mkdir(parents=True)
            (folder / "MLmodel").write_text("flavors: {}\n")
            (folder / "data/model/factor.json").write_text(str(version))
            (folder / "data/model/weights.bin").write_bytes(bytes(range(256)) * version)
        return TinyRelease(client, version, f"{version:064x}", "run1", folder)

    return made


@pytest.fixture
def settings(vertex: VertexDouble) -> Callable[..., Settings]:
    """What client.yml would say."""

    def said(**options: Any) -> Settings:
        options = {"request_seconds": 5, **options}
        return Settings(
            kind="vertex",
            project="acme-1",
            location="us-central1",
            bucket="acme-models",
            image="us-docker.pkg.dev/acme-1/workbench/serving:1",
            address=vertex.address,
            **options,
        )

    return said


@pytest.fixture
def services(vertex: VertexDouble, settings: Callable[..., Settings]) -> Callable[..., Services]:
    """The SDK's clients, as a new process would open them."""

    def opened(client: str = "alpha", **options: Any) -> Services:
        return Services(settings(**options), {"GOOGLE_CREDENTIALS": key_file(vertex.address)}, client)

    return opened


@pytest.fixture
def jobs(services: Callable[..., Services], tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """A client's jobs, as a new process would open them."""
    opened: list[Services] = []

    def open_(client: str = "alpha", *, deadline: float = 20.0, **options: Any) -> Opened:
        options = {"train": VertexTraining(image="us-docker.pkg.dev/acme-1/workbench/train:1"), **options}
        found = services(client, **options)
        opened.append(found)
        book = Book(tmp_path, client, "cloud/jobs")
        target = VertexTarget("cloud", found)
        work = Work(target, client, book, Silence(), poll_seconds=0.001, deadline_seconds=deadline, scale=0.0)
        return Opened(found, Jobs(found, book, work, Silence(), scale=0.0))

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def deploy(
    services: Callable[..., Services], release: Callable[..., TinyRelease], tmp_path: Path
) -> Iterator[Callable[..., Deployment]]:
    """A deployment of a client, as a new process would open it."""
    targets: list[VertexTarget] = []

    def opened(client: str = "alpha", *, budget: float | None = None, deadline: float = 20.0, **options: Any) -> Any:
        target = VertexTarget("cloud", services(client, **options))
        targets.append(target)
        book = Book(tmp_path, client, "cloud")
        work = Work(target, client, book, Silence(), poll_seconds=0.001, deadline_seconds=deadline, scale=0.0)
        return Deployment(
            tmp_path,
            client,
            target,
            work,
            book,
            prices=PRICES,
            releases=lambda version: release(version, client),
            tolerance=1e-6,
            budget=budget,
        )

    yield opened
    for target in targets:
        target.close()
