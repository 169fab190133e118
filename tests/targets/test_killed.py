"""Killed after any remote call, and given again: one thing of each kind, and the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from killing import CHANGES, killed_after, killed_again_and_again
from tiny_cloud import TinyCloud, release

from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]


FEW = (0, 3, 7, 12, 19)
MOST = 40
"""More calls than any of the commands makes; a test says so."""


def walk(cloud: TinyCloud, book: Book, step: Callable[[Callable[[], object]], object], opened: Deploy) -> None:
    """All commands one after the other, each given by ``step``; what there is to be after each of them."""
    step(lambda: opened().apply(release(3)))
    assert cloud.split == {"workbench-alpha-v3": 100}
    assert book.rollout() == Rollout(3)
    step(lambda: opened().apply(release(4)))
    assert book.rollout() == Rollout(3, 4)
    step(lambda: opened().canary(10))
    assert cloud.split == {"workbench-alpha-v3": 90, "workbench-alpha-v4": 10}
    step(lambda: opened().promote())
    assert cloud.split == {"workbench-alpha-v4": 100}
    assert book.rollout() == Rollout(4, None, 3)
    assert sorted(cloud.made) == sorted(set(cloud.made))
    assert all(row.state == "created" for row in book.resources())
    step(lambda: opened().destroy())
    assert cloud.things == {}
    assert book.resources() == []


@pytest.mark.parametrize("can_pin", [True, False])
@pytest.mark.parametrize(
    "call", [pytest.param(call, marks=() if call in FEW else pytest.mark.slow) for call in range(MOST)]
)
def test_killed_after_a_remote_call(deploy: Deploy, cloud: TinyCloud, tmp_path: Path, can_pin: bool, call: int) -> None:
    cloud.unseen = 1

    def step(command: Callable[[], object]) -> None:
        killed_after(cloud, command, skip=call)
        command()

    walk(cloud, Book(tmp_path, "alpha", "tiny"), step, lambda: deploy(can_pin=can_pin))


@pytest.mark.parametrize("can_pin", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_killed_again_after_each_call_that_changes_something(
    deploy: Deploy, cloud: TinyCloud, tmp_path: Path, can_pin: bool
) -> None:
    cloud.unseen = 1
    killed: list[int] = []

    def step(command: Callable[[], object]) -> None:
        killed.append(killed_again_and_again(cloud, command, CHANGES + "(?!/predict)"))

    walk(cloud, Book(tmp_path, "alpha", "tiny"), step, lambda: deploy(can_pin=can_pin))
    assert min(killed) >= 1


def test_no_command_makes_more_calls_than_are_tried(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    cloud.unseen = 1
    calls: list[int] = []

    def step(command: Callable[[], object]) -> None:
        before = len(cloud.requests)
        command()
        calls.append(len(cloud.requests) - before)

    walk(cloud, Book(tmp_path, "alpha", "tiny"), step, deploy)
    assert max(calls) <= MOST


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
