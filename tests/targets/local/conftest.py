"""Two small models of one client, and deployments of them to this machine."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from workbench.clients.targets import LocalTarget
from workbench.files import sha256_of_folder
from workbench.targets.book import Book
from workbench.targets.deployment import Deployment
from workbench.targets.local.target import LocalServing
from workbench.targets.opening import Place
from workbench.targets.prices import prices_of
from workbench.targets.release import DATA, EXAMPLE, Release
from workbench.targets.working import Silence, Work

CLIENT = """\
id: alpha
title: Alpha
owner: fleet@smithright.example
sources:
  samples: {kind: sklearn, dataset: breast_cancer}
key: [sample_id]
target: malignant
task: binary
metric: {name: roc_auc}
"""


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two artifacts as the registry keeps them: a model's folder, and a few rows."""
    import pyarrow as pa

    from workbench.learning import Columns, TrainConfig, fit

    random = np.random.default_rng(7)
    radius, site = random.normal(size=400), random.choice(["north", "south"], size=400)
    table = pa.table({"radius": radius, "site": site, "malignant": (radius + random.normal(size=400) > 0).astype(int)})
    columns = Columns(task="binary", target="malignant", numeric=("radius",), categorical=("site",))
    folders = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp("artifact")
        model = fit(table.slice(0, 300), table.slice(300), columns, TrainConfig(seed=seed, epochs=1), None)
        model.save(folder / DATA)
        rows = table.select(["radius", "site"]).slice(0, 8).to_pylist()
        rows[3] = {"radius": None, "site": None}
        data = [list(row.values()) for row in rows]
        (folder / EXAMPLE).write_text(json.dumps({"columns": ["radius", "site"], "data": data}))
        folders.append(folder)
    return folders


@pytest.fixture
def local(tmp_path: Path, artifacts: list[Path]) -> Iterator[Any]:
    """``local.deploy()`` opens a deployment as a new process would; ``local.release(3)`` is a version."""
    (tmp_path / "conf/clients/alpha").mkdir(parents=True)
    (tmp_path / "conf/base").mkdir()
    (tmp_path / "conf/clients/alpha/client.yml").write_text(CLIENT)
    shutil.copy(Path(__file__).parents[3] / "conf/base/prices.yml", tmp_path / "conf/base")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = LocalTarget(kind="local", port=port, poll_seconds=0.02, deadline_seconds=60)
    releases: dict[int, Release] = {}
    for version in (3, 4):
        artifact = tmp_path / f"models/alpha/releases/{version}"
        shutil.copytree(artifacts[version - 3], artifact)
        releases[version] = Release("alpha", version, sha256_of_folder(artifact / DATA), "run1", artifact)

    def target() -> LocalServing:
        return LocalServing(Place(tmp_path, "alpha", "laptop", settings, secrets=None))  # type: ignore[arg-type]

    def deploy() -> Deployment:
        book, place = Book(tmp_path, "alpha", "laptop"), target()
        work = Work(place, "alpha", book, Silence(), poll_seconds=0.02, deadline_seconds=60, scale=0.1)
        return Deployment(
            tmp_path,
            "alpha",
            place,
            work,
            book,
            prices=prices_of(tmp_path),
            releases=releases.__getitem__,
            tolerance=1e-6,
        )

    made = SimpleNamespace(
        project=tmp_path,
        port=port,
        target=target,
        deploy=deploy,
        release=releases.__getitem__,
        url=f"http://127.0.0.1:{port}",
    )
    yield made
    target().process.stop()


Local = Callable[..., Any]
