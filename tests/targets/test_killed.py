"""Killed after any remote call, and given again: one thing of each kind, and the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from killing import killed_after, killed_at_each_call
from tiny_cloud import TinyCloud, release

from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]


@pytest.mark.parametrize("can_pin", [True, False])
def test_killed_after_every_remote_call(deploy: Deploy, cloud: TinyCloud, tmp_path: Path, can_pin: bool) -> None:
    cloud.unseen = 1

    def opened() -> Deployment:
        return deploy(can_pin=can_pin)

    book = Book(tmp_path, "alpha", "tiny")
    killed_at_each_call(cloud, lambda: opened().apply(release(3)))
    assert cloud.split == {"workbench-alpha-v3": 100}
    assert book.rollout() == Rollout(3)
    killed_at_each_call(cloud, lambda: opened().apply(release(4)))
    assert book.rollout() == Rollout(3, 4)
    killed_at_each_call(cloud, lambda: opened().canary(10))
    assert cloud.split == {"workbench-alpha-v3": 90, "workbench-alpha-v4": 10}
    killed_at_each_call(cloud, lambda: opened().promote())
    assert cloud.split == {"workbench-alpha-v4": 100}
    assert book.rollout() == Rollout(4, None, 3)
    assert sorted(cloud.made) == sorted(set(cloud.made))
    assert all(row.state == "created" for row in book.resources())
    killed_at_each_call(cloud, lambda: opened().destroy())
    assert cloud.things == {}
    assert book.resources() == []


def test_a_rollback_that_was_killed_goes_back_once(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().promote()
    book = Book(tmp_path, "alpha", "tiny")
    # Killed when the traffic is back, and before the ledger knows it.
    assert killed_after(cloud, lambda: deploy().rollback(), "PUT /split")
    for operation in cloud.operations.values():
        while not operation.look():
            pass
    assert cloud.split == {"workbench-alpha-v3": 100}
    assert book.rollout().going_back == 3
    deploy().rollback()
    assert cloud.split == {"workbench-alpha-v3": 100}
    assert book.rollout() == Rollout(3)


def test_an_apply_after_a_killed_rollback_ends_it_first(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().promote()
    book = Book(tmp_path, "alpha", "tiny")
    book.roll(Rollout(4, None, 3, going_back=3))
    deploy().apply(release(5))
    assert cloud.split == {"workbench-alpha-v3": 100}
    assert book.rollout() == Rollout(3, 5)
