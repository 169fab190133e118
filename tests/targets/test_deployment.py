"""Plan, apply, canary, promote, roll back, destroy: what is the same for every target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from double_service import Answer, Fault
from tiny_cloud import TinyCloud, release

from workbench import audit
from workbench.errors import OverBudget, StillWorking, TargetError, Unreachable
from workbench.targets.book import Book, Rollout
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]


def test_a_plan_changes_nothing_and_tells_all(deploy: Deploy, cloud: TinyCloud) -> None:
    plan = deploy().plan(release(3))
    assert [(step.action, step.kind, step.name) for step in plan.steps] == [
        ("create", "models", "workbench-alpha-v3"),
        ("create", "endpoints", "workbench-alpha"),
        ("create", "servers", "workbench-alpha-v3"),
    ]
    assert plan.then == {3: 100}
    assert plan.monthly == pytest.approx(73)
    assert not plan.is_empty
    assert cloud.effects == 0


def test_the_first_release_gets_all_traffic(deploy: Deploy, cloud: TinyCloud) -> None:
    done = deploy().apply(release(3))
    assert done.traffic == {3: 100}
    assert (done.rollout.stable, done.rollout.candidate) == (3, None)
    assert done.smoke is not None
    assert done.smoke.difference == 0
    assert cloud.things["models", "workbench-alpha-v3"]["labels"]["client"] == "alpha"


def test_a_second_apply_does_nothing(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy().apply(release(3))
    effects = cloud.effects
    assert deploy().plan(release(3)).is_empty
    assert not deploy().apply(release(3)).changed
    assert cloud.effects == effects


@pytest.mark.parametrize("can_pin", [True, False])
def test_the_way_of_a_second_release(deploy: Deploy, cloud: TinyCloud, can_pin: bool) -> None:
    deploy(can_pin=can_pin).apply(release(3))
    done = deploy(can_pin=can_pin).apply(release(4))
    assert (done.traffic, done.rollout.candidate) == ({3: 100}, 4)
    done = deploy(can_pin=can_pin).canary(10)
    assert done.traffic == {3: 90, 4: 10}
    assert done.smoke is not None
    assert done.smoke.version == 4
    assert deploy(can_pin=can_pin).canary(25).traffic == {3: 75, 4: 25}
    done = deploy(can_pin=can_pin).promote()
    assert (done.traffic, done.rollout.stable, done.rollout.previous) == ({4: 100}, 4, 3)
    assert not deploy(can_pin=can_pin).promote().changed
    done = deploy(can_pin=can_pin).rollback()
    assert (done.traffic, done.rollout.stable, done.rollout.previous) == ({3: 100}, 3, None)
    with pytest.raises(TargetError, match="no version to go back to"):
        deploy(can_pin=can_pin).rollback()
    assert cloud.count("servers") == 2


def test_a_canary_is_taken_back(deploy: Deploy) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().canary(10)
    done = deploy().rollback()
    assert (done.traffic, done.rollout.stable, done.rollout.candidate) == ({3: 100}, 3, None)
    with pytest.raises(TargetError, match="no candidate"):
        deploy().canary(10)
    assert deploy().apply(release(4)).rollout.candidate == 4


def test_versions_that_play_no_part_are_taken_down(deploy: Deploy, cloud: TinyCloud) -> None:
    for version in (3, 4, 5):
        deploy().apply(release(version))
        done = deploy().promote()
    assert done.removed == (3,)
    assert cloud.count("servers") == cloud.count("models") == 2


@pytest.mark.parametrize("can_pin", [True, False])
def test_a_version_that_answers_otherwise_gets_no_traffic(deploy: Deploy, cloud: TinyCloud, can_pin: bool) -> None:
    deploy(can_pin=can_pin).apply(release(3))
    deploy(can_pin=can_pin).apply(release(4))
    cloud.wrong[4] = 0.25
    for step in (lambda: deploy(can_pin=can_pin).canary(10), lambda: deploy(can_pin=can_pin).promote()):
        with pytest.raises(TargetError, match=r"version 4 answers up to 0\.25 away from the registered model"):
            step()
        assert deploy().status().traffic == {3: 100}


def test_destroying_leaves_nothing(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().canary(50)
    done = deploy().destroy()
    assert done.removed == (3, 4)
    assert cloud.things == {}
    assert deploy().status().parts == ()
    assert not deploy().destroy().changed


def test_what_the_ledger_never_knew_is_found_by_its_name(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    deploy().apply(release(3))
    (tmp_path / ".workbench/ledger.db").unlink()
    assert deploy().apply(release(3)).rollout.stable == 3
    (tmp_path / ".workbench/ledger.db").unlink()
    deploy().destroy()
    assert cloud.things == {}


def test_what_bears_our_name_and_is_anothers_is_not_touched(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy().apply(release(3))
    cloud.things["endpoints", "workbench-alpha"]["labels"] = {"client": "beta"}
    effects = cloud.effects
    steps: list[Callable[[], object]] = [lambda: deploy().plan(release(4)), lambda: deploy().apply(release(4))]
    for step in [*steps, lambda: deploy().status(), lambda: deploy().destroy()]:
        with pytest.raises(TargetError, match="endpoints 'workbench-alpha' is there, and is not this client's"):
            step()
    assert ("endpoints", "workbench-alpha") in cloud.things
    assert cloud.effects <= effects + 4  # destroy takes its own versions down before it comes to the endpoint


def test_another_machine_is_a_change(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy().apply(release(3))
    plan = deploy(machine="large").plan(release(3))
    assert [(step.action, step.changes) for step in plan.steps if step.action != "keep"] == [
        ("change", {"machine": ("small", "large")})
    ]
    deploy(machine="large").apply(release(3))
    assert cloud.things["servers", "workbench-alpha-v3"]["machine"] == "large"


def test_a_plan_that_was_read_is_the_one_that_is_applied(deploy: Deploy) -> None:
    read = deploy().plan(release(3)).digest
    assert deploy().apply(release(3), planned=read).changed
    with pytest.raises(TargetError, match="things are not as they were"):
        deploy().apply(release(3), planned=read)


def test_a_budget_refuses_before_anything_is_made(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy(budget=100).apply(release(3))
    effects = cloud.effects
    with pytest.raises(OverBudget, match=r"146\.00 USD a month for 2 served versions.*allows 100\.00"):
        deploy(budget=100).apply(release(4))
    assert cloud.effects == effects


def test_what_takes_too_long_goes_on_and_is_found_again(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    cloud.slow = 60
    with pytest.raises(StillWorking, match="the same command finds it again"):
        deploy(deadline=0.01).apply(release(3))
    (row,) = Book(tmp_path, "alpha", "tiny").resources()
    assert (row.state, row.operation) == ("planned", "op-1")
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert cloud.made.count(("models", "workbench-alpha-v3")) == 1


def test_what_was_made_is_not_seen_at_once(deploy: Deploy, cloud: TinyCloud) -> None:
    cloud.unseen = 3
    deploy().apply(release(3))
    assert len(cloud.made) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST /models", answer=Answer(429, {}, {"Retry-After": "0"})),
        Fault("POST /models", answer=Answer(503)),
        Fault("POST /models", drop="before"),
        Fault("POST /models", drop="after"),
        Fault("GET /operations", drop="after", times=2),
        Fault("PUT /split", drop="after"),
        Fault("GET /models", truncate=2),
    ],
    ids=lambda fault: f"{fault.on} {fault.drop or (fault.answer and fault.answer.status) or 'cut'}",
)
def test_what_passes_is_tried_again_and_makes_nothing_twice(deploy: Deploy, cloud: TinyCloud, fault: Fault) -> None:
    cloud.unseen = 2
    cloud.faults.append(fault)
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.made) == 3


def test_what_is_made_and_not_seen_for_long_is_waited_for(deploy: Deploy, cloud: TinyCloud) -> None:
    cloud.unseen = 30
    cloud.faults.append(Fault("POST /models", drop="after"))
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.made) == 3


def test_a_service_that_would_make_it_twice_is_not_asked_twice(deploy: Deploy, cloud: TinyCloud) -> None:
    cloud.is_jealous = False
    cloud.faults.append(Fault("POST", drop="after", times=3))
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.made) == 3


def test_an_operation_that_is_not_known_any_more_has_ended(deploy: Deploy, cloud: TinyCloud) -> None:
    cloud.forgets = True
    deploy().apply(release(3))
    deploy().apply(release(4))
    assert deploy().promote().traffic == {4: 100}


def test_what_does_not_pass_is_told_once_and_begun_again(deploy: Deploy, cloud: TinyCloud) -> None:
    cloud.faults += [Fault("POST /servers", answer=Answer(400, {"why": "no such machine"}))]
    with pytest.raises(TargetError, match="no such machine"):
        deploy().apply(release(3))
    assert len(cloud.calls("POST /servers")) == 1
    assert deploy().apply(release(3)).traffic == {3: 100}
    cloud.faults += [Fault("", answer=Answer(503), times=99)]
    with pytest.raises(Unreachable):
        deploy().status()


def test_status_tells_what_is_missing(deploy: Deploy, cloud: TinyCloud) -> None:
    deploy().apply(release(3))
    assert deploy().status().ok
    del cloud.things["servers", "workbench-alpha-v3"]
    status = deploy().status()
    assert not status.ok
    assert [part.state for part in status.parts] == ["ready", "ready", "missing"]


def test_all_that_was_done_is_in_the_audit(deploy: Deploy, tmp_path: Path) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    deploy().canary(5)
    deploy().promote()
    deploy().rollback()
    deploy().destroy()
    assert [entry.action for entry in audit.entries(tmp_path)] == [
        "deployment.applied",
        "deployment.promoted",
        "deployment.applied",
        "deployment.canary",
        "deployment.promoted",
        "deployment.rolled_back",
        "deployment.destroyed",
    ]


def test_it_is_in_the_ledger_before_it_is_made(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    book = Book(tmp_path, "alpha", "tiny")
    make = cloud.make

    def watched(request: object, kind: str, name: str) -> object:
        row = book.find(kind, name)
        seen.append([kind, row.state if row else "unknown"])
        return make(request, kind, name)  # type: ignore[arg-type]

    cloud.make = watched  # type: ignore[method-assign]
    deploy().apply(release(3))
    assert seen == [["models", "planned"], ["endpoints", "planned"], ["servers", "planned"]]


def test_traffic_that_somebody_took_away_comes_back(deploy: Deploy, cloud: TinyCloud) -> None:
    """The stable version is there, and nobody asks it: it is compared, and gets all of it again."""
    deploy().apply(release(3))
    cloud.split.clear()
    done = deploy().apply(release(3))
    assert (done.traffic, done.rollout.stable) == ({3: 100}, 3)
    assert done.smoke is not None


def test_what_was_begun_and_failed_is_taken_down_all_the_same(deploy: Deploy, cloud: TinyCloud, tmp_path: Path) -> None:
    deploy().apply(release(3))
    book = Book(tmp_path, "alpha", "tiny")
    row = book.find("servers", "workbench-alpha-v3")
    assert row is not None
    book.plan(row.kind, row.name, row.version, row.facts)
    book.note(row.kind, row.name, "planned", operation="op-999")
    cloud.faults.append(Fault("GET /operations/op-999", answer=Answer(400, "it has failed")))
    assert book.rollout() == Rollout(3)
    assert deploy().destroy().removed == (3,)
    assert cloud.things == {}
    assert (book.resources(), book.rollout()) == ([], Rollout())


def test_what_the_ledger_never_knew_is_in_it_before_it_is_taken_down(
    deploy: Deploy, cloud: TinyCloud, tmp_path: Path
) -> None:
    deploy().apply(release(3))
    book = Book(tmp_path, "alpha", "tiny")
    book.path.unlink()
    deploy().destroy()
    assert cloud.things == {}
    names = {row.name for row in book.resources(gone=True)}
    assert names == {"workbench-alpha", "workbench-alpha-v3"}
