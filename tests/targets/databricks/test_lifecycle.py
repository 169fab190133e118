"""Plan, apply, canary, promote, roll back, destroy at a workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from databricks_double import DatabricksDouble

from workbench.errors import ModelError, OverBudget, TargetError
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
MODEL = "fleet.models.workbench_alpha"


def test_a_plan_changes_nothing_and_tells_all(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    plan = deploy().plan(release(3))
    assert [(step.action, step.kind, step.name) for step in plan.steps] == [
        ("create", "model", MODEL),
        ("create", "model version", "workbench-alpha-v3"),
        ("create", "endpoint", "workbench-alpha"),
        ("create", "served entity", "workbench-alpha-v3"),
    ]
    assert plan.monthly == pytest.approx(730 * 0.28)
    assert plan.cost.unknown
    assert cloud.effects == 0


def test_the_first_release_is_served_and_labelled(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    done = deploy().apply(release(3))
    assert done.traffic == {3: 100}
    assert done.smoke is not None
    assert done.smoke.difference == 0
    info = cloud.versions[MODEL, "1"].info
    assert {tag.key: tag.value for tag in info.tags} == {
        "managed_by": "workbench",
        "client": "alpha",
        "workbench_version": "3",
        "sha256": release(3).sha256,
        "run": "run1",
    }
    assert cloud.endpoints["workbench-alpha"].tags == release(3).labels
    assert all("client/alpha" in request.headers["user-agent"] for request in cloud.calls("/api/"))
    effects = cloud.effects
    assert deploy().plan(release(3)).is_empty
    assert not deploy().apply(release(3)).changed
    assert cloud.effects == effects


def test_the_way_of_a_second_release(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    deploy().apply(release(3))
    assert cloud.aliases(MODEL) == {"champion": "1"}
    done = deploy().apply(release(4))
    assert (done.traffic, done.rollout.candidate) == ({3: 100}, 4)
    done = deploy().canary(10)
    assert done.traffic == {3: 90, 4: 10}
    assert done.smoke is not None
    assert done.smoke.version == 4
    assert cloud.aliases(MODEL) == {"champion": "1", "challenger": "2"}
    done = deploy().promote()
    assert (done.traffic, done.rollout.stable, done.rollout.previous) == ({4: 100}, 4, 3)
    assert cloud.aliases(MODEL) == {"champion": "2"}
    done = deploy().rollback()
    assert (done.traffic, done.rollout.stable) == ({3: 100}, 3)
    assert cloud.aliases(MODEL) == {"champion": "1"}
    assert deploy().status().ok
    assert sorted(deploy().destroy().removed) == [3, 4]
    assert (cloud.registered, cloud.versions, cloud.endpoints) == ({}, {}, {})
    assert deploy().status().parts == ()


def test_versions_that_play_no_part_are_taken_down(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    for version in (3, 4, 5):
        deploy().apply(release(version))
        done = deploy().promote()
    assert done.removed == (3,)
    assert sorted(cloud.versions) == [(MODEL, "2"), (MODEL, "3")]


def test_a_version_that_answers_otherwise_gets_no_traffic(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    cloud.versions[MODEL, "2"].files["data/model/factor.json"] = b"4.25"
    with pytest.raises(TargetError, match=r"version 4 answers up to 0\.625 away"):
        deploy().canary(10)
    assert deploy().status().traffic == {3: 100}


def test_another_size_is_a_change(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    deploy().apply(release(3))
    plan = deploy(scale_to_zero=False).plan(release(3))
    assert [(step.action, step.changes) for step in plan.steps if step.action != "keep"] == [
        ("change", {"scale_to_zero": (True, False)})
    ]
    deploy(scale_to_zero=False).apply(release(3))
    assert deploy(scale_to_zero=False).plan(release(3)).is_empty


def test_what_bears_our_name_and_is_anothers_is_not_touched(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    deploy().apply(release(3))
    cloud.endpoints["workbench-alpha"].tags["client"] = "beta"
    for step in (lambda: deploy().plan(release(4)), lambda: deploy().apply(release(4)), lambda: deploy().destroy()):
        with pytest.raises(TargetError, match="'workbench-alpha.*' is there, and is not this client's"):
            step()
    assert "workbench-alpha" in cloud.endpoints


def test_anothers_model_is_not_touched(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    deploy().apply(release(3))
    del cloud.registered[MODEL].tags[:]
    with pytest.raises(TargetError, match=f"model '{MODEL}' is there, and is not this client's"):
        deploy().apply(release(4))


def test_a_finished_version_with_other_files_is_never_exchanged(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    deploy().apply(release(3))
    for tag in cloud.versions[MODEL, "1"].info.tags:
        if tag.key == "sha256":
            tag.value = "0" * 64
    with pytest.raises(TargetError, match="version 3 is there with other files"):
        deploy().apply(release(3))


def test_a_budget_refuses_before_anything_is_made(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    with pytest.raises(OverBudget, match=r"204\.40 USD a month for 1 served version"):
        deploy(budget=100).apply(release(3))
    assert cloud.effects == 0


def test_the_files_are_compared_before_they_leave(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    made = release(3)
    (made.folder / "factor.json").write_text("99")
    with pytest.raises(ModelError, match="not those that were registered"):
        deploy().apply(made)
    assert cloud.versions == {}


def test_permissions_are_what_the_configuration_says(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    access = {
        "endpoint": {"group:analysts": "CAN_QUERY", "service_principal:1234-abcd": "CAN_MANAGE"},
        "model": {"group:analysts": "EXECUTE"},
    }
    deploy(permissions=access).apply(release(3))
    entries = cloud.access[cloud.endpoints["workbench-alpha"].id]
    assert {tuple(sorted(entry.items())) for entry in entries} == {
        (("permission_level", "CAN_MANAGE"), ("user_name", "owner@example.com")),
        (("group_name", "analysts"), ("permission_level", "CAN_QUERY")),
        (("permission_level", "CAN_MANAGE"), ("service_principal_name", "1234-abcd")),
    }
    assert cloud.grants[MODEL] == {"analysts": {"EXECUTE"}}
    assert deploy(permissions=access).plan(release(3)).is_empty
    less = {"endpoint": {"service_principal:1234-abcd": "CAN_MANAGE"}, "model": {}}
    changes = [step.changes for step in deploy(permissions=less).plan(release(3)).steps if step.changes]
    assert changes == [
        {"permissions": ("analysts=EXECUTE", "")},
        {
            "permissions": (
                "group:analysts=CAN_QUERY, service_principal:1234-abcd=CAN_MANAGE",
                "service_principal:1234-abcd=CAN_MANAGE",
            )
        },
    ]
    deploy(permissions=less).apply(release(3))
    assert cloud.grants[MODEL] == {"analysts": set()}
    assert len(cloud.access[cloud.endpoints["workbench-alpha"].id]) == 2


def test_the_container_installs_the_wheel(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    made, wheel = release(3), "/Volumes/fleet/code/workbench-1.whl"
    (made.artifact / "requirements.txt").write_text("mlflow==3.17.2\ntorch==2.13.0")
    (made.artifact / "conda.yaml").write_text("dependencies: [python=3.11, {pip: [mlflow==3.17.2]}]\n")
    deploy(wheel=wheel).apply(made)
    files = cloud.versions[MODEL, "1"].files
    assert files["requirements.txt"].decode().splitlines() == ["mlflow==3.17.2", "torch==2.13.0", wheel]
    assert yaml.safe_load(files["conda.yaml"])["dependencies"] == ["python=3.11", {"pip": ["mlflow==3.17.2", wheel]}]
    assert (made.artifact / "requirements.txt").read_text() == "mlflow==3.17.2\ntorch==2.13.0"


def test_no_traffic_goes_to_a_version_that_is_not_served(
    deploy: Open, target: Callable[..., Any], release: Releases, cloud: DatabricksDouble
) -> None:
    """One that is registered, and whose served entity somebody has taken away."""
    deploy().apply(release(3))
    adapter = target()
    version = adapter.parts(release(4))[1]
    doing = version.create()
    while not version.poll(doing).done:
        pass
    with pytest.raises(TargetError, match="workbench-alpha-v4 is not served by endpoint workbench-alpha"):
        adapter.split({3: 50, 4: 50})
    adapter.close()
    assert deploy().status().traffic == {3: 100}
