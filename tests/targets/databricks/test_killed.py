"""Killed after any remote call, and given again: one thing of each kind, and the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from killing import killed_after, killed_at_each_call

from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
MODEL = "fleet.models.workbench_alpha"
FEW = (0, 3, 7, 11, 13, 16, 19, 22, 26, 30)
"""Calls after which the first apply is killed in every run of the tests; the slow one takes each."""


def state_of(cloud: DatabricksDouble) -> dict[str, Any]:
    """What a person would see at the workspace. The numbers of versions are Unity Catalog's own."""
    numbers = {number: tags["workbench_version"] for number, tags in _tags(cloud).items()}
    return {
        "models": sorted(cloud.registered),
        "versions": sorted(
            (numbers[number], version.info.status, sorted(version.files))
            for (_, number), version in cloud.versions.items()
        ),
        "aliases": {
            alias: numbers[number] for name in cloud.registered for alias, number in cloud.aliases(name).items()
        },
        "endpoints": {
            name: (
                dict(endpoint.tags),
                sorted((one.name, numbers[one.entity_version or ""]) for one in (endpoint.config or ([], {}))[0]),
                {served: share for served, share in (endpoint.config or ([], {}))[1].items() if share},
                endpoint.update is None,
            )
            for name, endpoint in cloud.endpoints.items()
        },
    }


def _tags(cloud: DatabricksDouble) -> dict[str, dict[str, str]]:
    return {number: {tag.key: tag.value for tag in one.info.tags} for (_, number), one in cloud.versions.items()}


WAY: list[tuple[str, Callable[[Open, Releases], object]]] = [
    ("apply 3", lambda deploy, release: deploy().apply(release(3))),
    ("apply 4", lambda deploy, release: deploy().apply(release(4))),
    ("canary", lambda deploy, _: deploy().canary(10)),
    ("promote", lambda deploy, _: deploy().promote()),
    ("rollback", lambda deploy, _: deploy().rollback()),
    ("destroy", lambda deploy, _: deploy().destroy()),
]


@pytest.mark.parametrize("call", FEW)
def test_a_first_apply_that_was_killed(
    deploy: Open, release: Releases, cloud: DatabricksDouble, tmp_path: Path, call: int
) -> None:
    assert killed_after(cloud, lambda: deploy().apply(release(3)), skip=call)
    assert deploy().apply(release(3)).traffic == {3: 100}
    state = state_of(cloud)
    assert state["versions"] == [("3", 3, ["MLmodel", "data/model/factor.json"])]
    assert state["aliases"] == {"champion": "3"}
    assert list(state["endpoints"]) == ["workbench-alpha"]
    assert Book(tmp_path, "alpha", "lakehouse").rollout() == Rollout(3)
    assert deploy().status().ok


@pytest.mark.slow
@pytest.mark.parametrize("unseen", [0, 1])
def test_killed_after_every_remote_call(
    deploy: Open, release: Releases, cloud: DatabricksDouble, tmp_path: Path, unseen: int
) -> None:
    """Killed after its first call, again after its second, and so on; each goes on with what the last has left."""
    book = Book(tmp_path, "alpha", "lakehouse")
    expected: dict[str, dict[str, Any]] = {}
    for name, step in WAY:
        step(deploy, release)
        expected[name] = state_of(cloud)
    cloud.unseen, cloud.slow = unseen, 2
    assert state_of(cloud)["models"] == []
    rollouts = []
    for name, step in WAY:
        calls = killed_at_each_call(cloud, lambda step=step: step(deploy, release))
        rollouts.append(book.rollout())
        assert calls > 2, name
        if name == "rollback":
            # Killed after the traffic was back, it goes back no further: there is nothing before that.
            assert book.rollout().stable == 3
        if name != "rollback":
            assert state_of(cloud) == expected[name], name
    assert rollouts[:4] == [Rollout(3), Rollout(3, 4), Rollout(3, 4), Rollout(4, None, 3)]
    assert book.resources() == []


@pytest.mark.slow
@pytest.mark.parametrize("upto", range(len(WAY)), ids=[name for name, _ in WAY])
def test_killed_once_after_each_call(
    deploy: Open, release: Releases, cloud: DatabricksDouble, tmp_path: Path, upto: int
) -> None:
    """From the same beginning each time: killed after one call, given again, and the end is the one without a kill."""
    name, step = WAY[upto]
    ledger = tmp_path / ".workbench/ledger.db"

    def begin() -> None:
        for kept in (cloud.registered, cloud.versions, cloud.numbers, cloud.endpoints):
            kept.clear()
        ledger.unlink(missing_ok=True)
        for _, before in WAY[:upto]:
            before(deploy, release)

    begin()
    step(deploy, release)
    expected, call = state_of(cloud), 0
    while True:
        begin()
        if not killed_after(cloud, lambda: step(deploy, release), skip=call):
            break
        if (
            name == "rollback"
            and state_of(cloud) == expected
            and Book(tmp_path, "alpha", "lakehouse").rollout().previous is None
        ):
            # The rollback had ended, and the kill only hid its last look.
            call += 1
            continue
        step(deploy, release)
        assert state_of(cloud) == expected, call
        call += 1
    assert call > 2
