"""Killed after any remote call, and given again: one thing of each kind, and the same end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from killing import CHANGES, killed_after, killed_again_and_again
from vertex_double import VertexDouble

from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]
Kill = Callable[[Callable[[], object]], int]
ENDPOINT = "projects/acme-1/locations/us-central1/endpoints/workbench-alpha"
WRITES = rf"{CHANGES}(?!/token|.*:predict)"


def the_way(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], folder: Path, kill: Kill
) -> dict[str, int]:
    """Deploy two releases, and take all down; each command is killed as ``kill`` does, and then comes to its end."""
    vertex.unseen, vertex.slow = 1, 2
    book = Book(folder, "alpha", "cloud")
    killed = {"apply": kill(lambda: deploy().apply(release(3)))}
    assert book.rollout() == Rollout(3)
    killed["second"] = kill(lambda: deploy().apply(release(4)))
    assert book.rollout() == Rollout(3, 4)
    killed["canary"] = kill(lambda: deploy().canary(10))
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == {"3": 90, "4": 10}
    killed["promote"] = kill(lambda: deploy().promote())
    assert dict(vertex.endpoints[ENDPOINT].traffic_split) == {"4": 100}
    assert book.rollout() == Rollout(4, None, 3)
    # One of each kind: what was made is in the list once.
    assert sorted(vertex.made) == [
        ("deployed model", "workbench-alpha#3"),
        ("deployed model", "workbench-alpha#4"),
        ("endpoint", "workbench-alpha"),
        ("model", "workbench-alpha@1"),
        ("model", "workbench-alpha@2"),
    ]
    assert all(times == 1 for times in vertex.uploads.values()), vertex.uploads
    assert all(row.state == "created" for row in book.resources())
    killed["destroy"] = kill(lambda: deploy().destroy())
    assert (vertex.models, vertex.endpoints, vertex.objects) == ({}, {}, {})
    assert book.resources() == []
    return killed


def test_killed_after_every_call_that_changes_something(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], tmp_path: Path
) -> None:
    """The first apply; the other commands are killed so, and after every other call, by `make test-slow`."""
    vertex.unseen, vertex.slow = 1, 2
    killed = killed_again_and_again(vertex, lambda: deploy().apply(release(3)), WRITES)
    # Manifest, three files, model, endpoint, deployed model, alias, traffic.
    assert killed == 9
    assert Book(tmp_path, "alpha", "cloud").rollout() == Rollout(3)
    assert len(vertex.made) == 3
    assert set(vertex.uploads.values()) == {1}


@pytest.mark.slow
def test_all_commands_killed_after_every_call_that_changes_something(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], tmp_path: Path
) -> None:
    killed = the_way(deploy, vertex, release, tmp_path, lambda action: killed_again_and_again(vertex, action, WRITES))
    assert killed == {"apply": 9, "second": 6, "canary": 1, "promote": 2, "destroy": 14}


CALLS = 80


@pytest.mark.slow
@pytest.mark.parametrize("call", range(CALLS))
def test_killed_after_every_remote_call(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], tmp_path: Path, call: int
) -> None:
    """Each command is killed after its call of this number, if it makes so many."""

    def kill(action: Callable[[], object]) -> int:
        killed = killed_after(vertex, action, skip=call)
        if killed:
            assert not killed_after(vertex, action, "never")
        return int(killed)

    killed = the_way(deploy, vertex, release, tmp_path, kill)
    if call == CALLS - 1:
        # No command makes so many calls, so each was killed after each of its own.
        assert not any(killed.values())


@pytest.mark.parametrize("on", ["models:upload", "/endpoints$", ":deployModel"])
def test_a_run_that_died_after_the_create_is_adopted(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], on: str
) -> None:
    """Fault 39: the operation's name was never heard of, and what it makes is not shown yet."""
    vertex.slow = 12
    assert killed_after(vertex, lambda: deploy().apply(release(3)), f"POST .*{on}")
    plan = deploy().plan(release(3))
    assert "adopt" in {step.action for step in plan.steps}
    deploy().apply(release(3))
    assert len(vertex.calls(f"POST .*{on}")) == 1 or on == "/endpoints$"
    assert sorted(vertex.made) == sorted(set(vertex.made))
    assert len(vertex.made) == 3


@pytest.mark.parametrize("on", ["models:upload", ":deployModel"])
def test_a_second_version_whose_run_died_is_adopted(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], on: str
) -> None:
    """A version has no id that it could be refused by: what goes on has to be found."""
    deploy().apply(release(3))
    vertex.slow = 40
    assert killed_after(vertex, lambda: deploy().apply(release(4)), f"POST .*{on}")
    assert deploy().apply(release(4)).rollout == Rollout(3, 4)
    assert len(vertex.calls(f"POST .*{on}")) == 2
    assert len(vertex.made) == 5


def test_another_version_after_a_run_that_died(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    """What goes on is another version's; it is waited for, and then this one is made."""
    deploy().apply(release(3))
    vertex.slow = 40
    assert killed_after(vertex, lambda: deploy().apply(release(4)), "models:upload")
    deploy().apply(release(5))
    assert sorted(one.version_id for one in vertex.models[ENDPOINT.replace("endpoints", "models")]) == ["1", "3"]
    assert deploy().promote().traffic == {5: 100}
    deploy().destroy()
    assert (vertex.models, vertex.endpoints, vertex.objects) == ({}, {}, {})
