"""The whole way at a workspace: the double's, or with ``--live`` the one that the environment names.

``LIVE_DATABRICKS_HOST``, ``_CATALOG``, ``_SCHEMA``, ``_WHEEL``, a login (``_TOKEN``), and ``_RELEASES``: two folders
``models/<client>/releases/<version>`` with a colon between them, the older version first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.clients.targets import DatabricksTarget
from workbench.files import sha256_of_folder
from workbench.targets.book import Book
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.prices import prices_of
from workbench.targets.release import DATA, Release
from workbench.targets.working import Silence, Work

ROOT = Path(__file__).parents[3]
CLIENT = "workbench_live_test"


@pytest.fixture
def way(
    request: pytest.FixtureRequest, release: Callable[[int], Release], tmp_path: Path
) -> Iterator[tuple[Deployment, Release, Release]]:
    """A deployment and two releases; what was made is taken down at the end, whatever happened."""
    if not request.config.getoption("--live"):
        yield request.getfixturevalue("deploy")(), release(3), release(4)
        return
    told = {name: os.environ[f"LIVE_DATABRICKS_{name}"] for name in ("HOST", "CATALOG", "SCHEMA", "WHEEL", "TOKEN")}
    folders = [Path(folder) for folder in os.environ["LIVE_DATABRICKS_RELEASES"].split(":")]
    releases = {
        int(folder.name): Release(CLIENT, int(folder.name), sha256_of_folder(folder / DATA), "live", folder)
        for folder in folders
    }
    given = {name.lower(): told[name] for name in ("HOST", "CATALOG", "SCHEMA", "WHEEL")}
    target = Databricks(
        CLIENT,
        "live",
        DatabricksTarget.model_validate({"kind": "databricks", **given}),
        {"DATABRICKS_TOKEN": told["TOKEN"]},
    )
    book = Book(tmp_path, CLIENT, "live")
    work = Work(target, CLIENT, book, Silence(), poll_seconds=5, deadline_seconds=3600)
    deployment = Deployment(
        tmp_path, CLIENT, target, work, book, prices=prices_of(ROOT), releases=releases.__getitem__, tolerance=1e-4
    )
    try:
        first, second = sorted(releases)
        yield deployment, releases[first], releases[second]
    finally:
        deployment.destroy()
        target.close()


def test_the_whole_way(way: tuple[Deployment, Release, Release]) -> None:
    deployment, first, second = way
    assert deployment.apply(first).traffic == {first.version: 100}
    assert not deployment.apply(first).changed
    assert deployment.apply(second).rollout.candidate == second.version
    assert deployment.canary(10).traffic == {first.version: 90, second.version: 10}
    assert deployment.promote().traffic == {second.version: 100}
    assert deployment.rollback().traffic == {first.version: 100}
    assert deployment.status().ok
    assert deployment.destroy().changed
    assert deployment.status().parts == ()
