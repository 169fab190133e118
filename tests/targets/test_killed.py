"""Killed after any remote call, and given again: one thing of each kind, and the same end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from double_service import Fault, in_child
from tiny_cloud import TinyCloud, release

from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]


def killed_at_each_call(cloud: TinyCloud, action: Callable[[], object]) -> int:
    """Run an action in a process that is killed after its first call, again after its second, … until one ends."""
    for call in range(200):
        read, write = os.pipe()
        cloud.faults[:] = [Fault("", skip=call, kill=lambda read=read: int(os.read(read, 20)))]

        def child(write: int = write) -> None:
            os.write(write, str(os.getpid()).encode())
            action()

        status = in_child(child)
        os.close(read)
        os.close(write)
        if status == 0:
            return call
        assert status == -signal.SIGKILL
    raise AssertionError("it never came to its end")


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
    read, write = os.pipe()
    cloud.faults[:] = [Fault("PUT /split", kill=lambda: int(os.read(read, 20)))]

    def child() -> None:
        os.write(write, str(os.getpid()).encode())
        deploy().rollback()

    assert in_child(child) == -signal.SIGKILL
    os.close(read)
    os.close(write)
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
