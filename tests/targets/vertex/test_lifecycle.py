"""Apply, canary, promote, roll back, destroy at Vertex AI, by the real SDK."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vertex_double import VertexDouble

from workbench.errors import OverBudget, TargetError
from workbench.targets.deployment import Deployment

Deploy = Callable[..., Deployment]
MODEL = "projects/acme-1/locations/us-central1/models/workbench-alpha"
ENDPOINT = "projects/acme-1/locations/us-central1/endpoints/workbench-alpha"


def aliases(vertex: VertexDouble) -> dict[str, list[str]]:
    return {one.version_id: sorted(one.version_aliases) for one in vertex.models.get(MODEL, [])}


def test_a_plan_changes_nothing_and_tells_all(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    plan = deploy().plan(release(3))
    assert [(step.action, step.kind, step.name) for step in plan.steps] == [
        ("create", "artifact", "workbench-alpha-v3"),
        ("create", "model", "workbench-alpha-v3"),
        ("create", "endpoint", "workbench-alpha"),
        ("create", "deployed model", "workbench-alpha-v3"),
    ]
    assert plan.monthly == pytest.approx(73)
    assert [request.line for request in vertex.requests if request.method != "GET"] == ["POST /token"]


def test_the_whole_way(deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]) -> None:
    done = deploy().apply(release(3))
    assert (done.traffic, done.rollout.stable) == ({3: 100}, 3)
    assert done.smoke is not None
    assert done.smoke.difference == 0
    assert deploy().plan(release(3)).is_empty
    effects = vertex.effects
    assert not deploy().apply(release(3)).changed
    assert vertex.effects == effects + len(vertex.calls("POST /token")) - 2

    assert deploy().apply(release(4)).traffic == {3: 100}
    assert deploy().canary(10).traffic == {3: 90, 4: 10}
    assert aliases(vertex) == {"1": ["champion", "default", "v3"], "2": ["v4"]}
    assert deploy().promote().traffic == {4: 100}
    assert aliases(vertex) == {"1": ["default", "v3"], "2": ["champion", "v4"]}
    assert deploy().rollback().traffic == {3: 100}
    assert aliases(vertex)["1"] == ["champion", "default", "v3"]
    deploy().apply(release(4))
    deploy().promote()
    deploy().apply(release(5))
    done = deploy().promote()
    assert done.removed == (3,)
    assert aliases(vertex) == {"2": ["v4"], "3": ["champion", "default", "v5"]}
    status = deploy().status()
    assert status.ok
    assert status.traffic == {5: 100}

    assert deploy().destroy().removed == (4, 5)
    assert (vertex.models, vertex.endpoints, vertex.objects) == ({}, {}, {})
    assert not deploy().destroy().changed


def test_what_is_made_is_as_the_api_documents_it(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    options = {"service_account": "serve@acme-1.iam.gserviceaccount.com", "gpu": "NVIDIA_TESLA_T4", "max_replicas": 3}
    deploy(**options).apply(release(3))
    (model,) = vertex.models[MODEL]
    assert dict(model.labels) == {
        "client": "alpha",
        "managed-by": "workbench",
        "run": "run1",
        "version": "3",
        "sha256": "0" * 32,
    }
    assert model.artifact_uri == "gs://acme-models/workbench/alpha/v3/artifact"
    assert (model.container_spec.predict_route, model.container_spec.health_route) == ("/predict", "/v2/health/ready")
    assert [port.container_port for port in model.container_spec.ports] == [8080]
    (deployed,) = vertex.endpoints[ENDPOINT].deployed_models
    assert (deployed.id, deployed.display_name) == ("3", "workbench-alpha-v3")
    assert deployed.service_account == options["service_account"]
    assert deployed.dedicated_resources.machine_spec.accelerator_type.name == "NVIDIA_TESLA_T4"
    assert (deployed.dedicated_resources.min_replica_count, deployed.dedicated_resources.max_replica_count) == (1, 3)
    assert deploy(**options).plan(release(3)).is_empty
    reasons = {request.headers.get("x-goog-request-reason") for request in vertex.requests if request.path != "/token"}
    assert reasons == {"workbench client=alpha"}


def test_more_replicas_are_a_change_and_another_machine_is_refused(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    deploy().apply(release(3))
    plan = deploy(replicas=2, max_replicas=4).plan(release(3))
    assert [step.changes for step in plan.steps if step.action == "change"] == [
        {"replicas": (1, 2), "max_replicas": (1, 4)}
    ]
    deploy(replicas=2, max_replicas=4).apply(release(3))
    resources = vertex.endpoints[ENDPOINT].deployed_models[0].dedicated_resources
    assert (resources.min_replica_count, resources.max_replica_count) == (2, 4)
    with pytest.raises(TargetError, match="what is deployed keeps its machine"):
        deploy(machine="n1-standard-4", replicas=2, max_replicas=4).apply(release(3))
    with pytest.raises(TargetError, match="made of something else"):
        deploy().apply(type(release(3))("alpha", 3, "f" * 64, "run2", release(3).artifact))


def test_a_version_that_answers_otherwise_loses_its_traffic(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    deploy().apply(release(3))
    deploy().apply(release(4))
    vertex.wrong["workbench-alpha-v4"] = 0.25
    for step in (lambda: deploy().canary(10), lambda: deploy().promote()):
        with pytest.raises(TargetError, match=r"version 4 answers up to 0\.25 away"):
            step()
        assert deploy().status().traffic == {3: 100}
        assert "champion" in aliases(vertex)["1"]


def test_a_container_that_does_not_come_up_is_told(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    vertex.failing["DeployModel"] = (9, "Model server exited unexpectedly.")
    with pytest.raises(TargetError, match=r"DeployModel has failed: Model server exited unexpectedly\. \(code 9\)"):
        deploy().apply(release(3))
    assert deploy().apply(release(3)).traffic == {3: 100}


def test_a_budget_refuses_before_anything_is_made(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    with pytest.raises(OverBudget, match=r"73\.00 USD a month"):
        deploy(budget=50).apply(release(3))
    assert vertex.made == []
    assert vertex.objects == {}


def test_what_is_not_priced_is_said(deploy: Deploy, release: Callable[..., object]) -> None:
    cost = deploy(machine="n9-giant-2", gpu="NVIDIA_L4", max_replicas=2).plan(release(3)).cost
    assert cost.monthly == 0
    assert [text.split(" ")[0] for text in cost.unknown] == ["machine", "1", "up"]


def test_two_clients_share_a_project(deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]) -> None:
    deploy().apply(release(3))
    deploy("alpha_2").apply(release(3, "alpha_2"))
    deploy().destroy()
    assert [name.rpartition("/")[2] for name in vertex.models] == ["workbench-alpha-2"]
    assert {name.split("/")[1] for name in vertex.objects} == {"alpha_2"}
    assert deploy("alpha_2").status().ok
