"""What goes wrong between here and a workspace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databricks_double import DatabricksDouble, retry_info
from double_service import Answer, Fault, environment

from workbench.errors import ConfigurationError, StillWorking, TargetError, Unreachable
from workbench.targets.databricks import Databricks
from workbench.targets.databricks.workspace import Workspace
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
MODEL = "fleet.models.workbench_alpha"
VERSION, ENDPOINT, CONFIG = "POST .*/model-versions/create", "POST /api/2.0/serving-endpoints$", "PUT .*/config"
SECRETS = {"DATABRICKS_TOKEN": "dapi-double-of-a-token"}
PAGE = b"<html><title>Sign in</title></html>"


def error(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"error_code": code, "message": "no", **more})


PASSING = [
    Fault(VERSION, answer=Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "no"}, {"Retry-After": "7"})),
    Fault(VERSION, answer=error(429, "RESOURCE_EXHAUSTED", details=retry_info(7))),
    Fault(ENDPOINT, answer=error(500, "INTERNAL_ERROR"), times=2),
    Fault(ENDPOINT, answer=error(503, "TEMPORARILY_UNAVAILABLE")),
    Fault(
        "GET .*/serving-endpoints/",
        answer=Answer(502, b"<html><title>502</title></html>", {"Content-Type": "text/html"}),
    ),
    Fault("GET .*/model-versions/get", answer=Answer(200, PAGE, {"Content-Type": "text/html"})),
    Fault("GET .*/serving-endpoints/", truncate=20),
    Fault("GET .*/fs/files", truncate=2),
    Fault(".*/registered-models/create", drop="before"),
    Fault(".*/registered-models/create", drop="after"),
    Fault(VERSION, drop="before"),
    Fault(VERSION, drop="after"),
    Fault("PUT .*/fs/files", drop="before"),
    Fault("PUT .*/fs/files", drop="after"),
    Fault(".*/finalize", drop="after"),
    Fault(ENDPOINT, drop="after"),
    Fault(".*/alias", drop="after"),
    Fault(".*/invocations", drop="after"),
    Fault("GET /.well-known", answer=Answer(404, PAGE)),
]

CHANGING = [
    Fault(CONFIG, answer=error(409, "RESOURCE_CONFLICT")),
    Fault(CONFIG, drop="after"),
    Fault(CONFIG, skip=1, drop="after"),
]


def named(fault: Fault) -> str:
    said = fault.drop or (fault.answer and f"{fault.answer.status}") or "cut"
    return f"{fault.on.rpartition('/')[2]} {said}"


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_what_passes_is_tried_again_and_makes_nothing_twice(
    deploy: Open, release: Releases, cloud: DatabricksDouble, fault: Fault
) -> None:
    cloud.unseen = 1
    # A fault counts down, and the list is made once.
    cloud.faults.append(replace(fault))
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert sorted(cloud.endpoints) == ["workbench-alpha"]
    # A version has no name that could be taken, so a lost answer makes one too many; the next look deletes it.
    assert len(cloud.versions) == 1
    assert not cloud.faults[0].times


@pytest.mark.parametrize("fault", CHANGING, ids=named)
def test_a_change_that_is_disturbed_is_made_once(
    deploy: Open, release: Releases, cloud: DatabricksDouble, fault: Fault
) -> None:
    deploy().apply(release(3))
    cloud.faults.append(replace(fault))
    deploy().apply(release(4))
    assert deploy().canary(10).traffic == {3: 90, 4: 10}
    assert not cloud.faults[0].times


def test_one_call_is_one_request(target: Callable[..., Databricks], cloud: DatabricksDouble) -> None:
    cloud.faults.append(Fault("serving-endpoints", answer=error(503, "TEMPORARILY_UNAVAILABLE"), times=9))
    with pytest.raises(Unreachable, match="asks to come back later"):
        target().traffic()
    assert len(cloud.calls("serving-endpoints")) == 1


def test_a_workspace_that_says_nothing_is_not_waited_for(
    target: Callable[..., Databricks], cloud: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.targets.databricks.workspace.SECONDS", 0.3)
    cloud.faults.append(Fault("serving-endpoints", delay=2))
    before = time.monotonic()
    with pytest.raises(Unreachable, match=r"Databricks does not answer \(ReadTimeout\)"):
        target().traffic()
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "no"}, {"Retry-After": "7"}),
        error(429, "RESOURCE_EXHAUSTED", details=retry_info(7)),
    ],
    ids=["header", "details"],
)
def test_it_comes_back_when_it_was_asked_to(
    target: Callable[..., Databricks], cloud: DatabricksDouble, answer: Answer
) -> None:
    cloud.faults.append(Fault("serving-endpoints", answer=answer))
    before = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        target().traffic()
    assert caught.value.retry_after == 7
    assert time.monotonic() - before < 3


def test_a_client_error_is_told_once(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.faults.append(
        Fault(ENDPOINT, answer=Answer(400, {"error_code": "BAD_REQUEST", "message": "Small is sold out"}))
    )
    with pytest.raises(TargetError, match="Databricks refuses: Small is sold out"):
        deploy().apply(release(3))
    assert len(cloud.calls(ENDPOINT)) == 1
    assert deploy().apply(release(3)).traffic == {3: 100}


def test_a_version_that_can_not_be_registered_is_begun_again(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.unfit = 1
    with pytest.raises(TargetError, match="could not register version 1: its MLmodel is damaged"):
        deploy().apply(release(3))
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert [number for _, number in cloud.versions] == ["2"]


def test_a_container_that_does_not_come_up_leaves_what_answers(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    deploy().apply(release(3))
    cloud.broken = {"2"}
    for _ in range(2):
        with pytest.raises(TargetError, match=r"could not be changed \(serve 4\): workbench-alpha-v4: the container"):
            deploy().apply(release(4))
    assert deploy().status().traffic == {3: 100}
    cloud.broken = set()
    assert deploy().apply(release(4)).rollout.candidate == 4


def test_a_first_container_that_does_not_come_up(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.broken = {"1"}
    with pytest.raises(TargetError, match="No module named 'workbench'"):
        deploy().apply(release(3))
    cloud.broken = set()
    assert deploy().apply(release(3)).traffic == {3: 100}


def test_what_takes_too_long_goes_on_and_is_found_again(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.slow = 10_000
    with pytest.raises(StillWorking, match="the same command finds it again"):
        deploy(deadline=0.05).apply(release(3))
    assert cloud.calls(CONFIG) == []  # nothing is begun while another change is on its way
    update = cloud.endpoints["workbench-alpha"].update
    assert update is not None
    update.looks = 0
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert cloud.made.count("endpoint workbench-alpha") == 1


def test_a_file_that_comes_back_otherwise_is_sent_again(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.faults.append(Fault("GET .*/fs/files.*MLmodel", skip=1, answer=Answer(200, b"flavors: {no}")))
    deploy().apply(release(3))
    assert cloud.versions[MODEL, "1"].files["MLmodel"] == b"flavors: {}\n"
    assert len(cloud.calls("PUT .*MLmodel")) == 1  # the second look found it as it was sent
    cloud.faults.append(Fault("GET .*/fs/files.*MLmodel", answer=Answer(200, b"flavors: {no}"), times=99))
    with pytest.raises(Unreachable, match="MLmodel came back otherwise than it was sent"):
        deploy().apply(release(4))


def test_a_half_finished_upload_goes_on_where_it_was(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.faults.append(Fault("PUT .*/fs/files.*factor", drop="before", times=99))
    with pytest.raises(Unreachable):
        deploy().apply(release(3))
    cloud.faults.clear()
    assert sorted(cloud.versions[MODEL, "1"].files) == ["MLmodel"]
    sent = len(cloud.calls("PUT .*MLmodel"))
    deploy().apply(release(3))
    assert len(cloud.calls("PUT .*MLmodel")) == sent == 1
    assert len(cloud.versions) == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"predictions": [[3.0], [7.5]]}, "a prediction is a list, and no record"),
        ({"predictions": None}, "the answer has no list of predictions"),
        ({"outputs": []}, "the answer has no list of predictions"),
    ],
)
def test_an_answer_of_another_form_is_refused(
    deploy: Open, release: Releases, cloud: DatabricksDouble, answer: dict[str, Any], problem: str
) -> None:
    served = {"Served-Model-Name": "workbench-alpha-v3"}
    cloud.faults.append(Fault("invocations", answer=Answer(200, answer, served)))
    with pytest.raises(TargetError, match=problem):
        deploy().apply(release(3))


def test_plain_values_are_predictions_too(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    served = {"Served-Model-Name": "workbench-alpha-v3"}
    cloud.faults.append(Fault("invocations", answer=Answer(200, {"predictions": [3.0, 7.5]}, served)))
    assert deploy().apply(release(3)).smoke.ok


def test_an_answer_by_somebody_else_is_refused(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    other = Answer(200, {"predictions": []}, {"Served-Model-Name": "feedback"})
    cloud.faults.append(Fault("invocations", answer=other))
    with pytest.raises(TargetError, match="the answer comes from 'feedback', which is none of ours"):
        deploy().apply(release(3))


# ---- credentials ----------------------------------------------------------------------------------------------------


def test_a_service_principal_logs_in_and_once_more_when_its_token_was_revoked(
    target: Callable[..., Databricks], cloud: DatabricksDouble
) -> None:
    secrets = {"DATABRICKS_CLIENT_ID": "double-client", "DATABRICKS_CLIENT_SECRET": "double-client-secret"}
    adapter = target(secrets)
    assert adapter.traffic() == {}
    cloud.tokens.discard("oauth-double-1")
    assert adapter.traffic() == {}
    assert cloud.issued == 2
    cloud.clients.clear()
    cloud.tokens.clear()
    before = len(cloud.requests)
    with pytest.raises(TargetError, match="does not take the credentials: invalid_client") as caught:
        adapter.traffic()
    assert len(cloud.requests) - before <= 4
    assert "double-client-secret" not in str(caught.value)


@pytest.mark.parametrize("answer", [error(401, "UNAUTHENTICATED"), Answer(403, {"message": "Invalid access token."})])
def test_a_token_that_is_not_taken_is_fetched_anew_once(
    target: Callable[..., Databricks], cloud: DatabricksDouble, answer: Answer
) -> None:
    adapter = target()
    assert adapter.traffic() == {}
    cloud.faults.append(Fault("serving-endpoints", answer=answer))
    assert adapter.traffic() == {}
    cloud.faults.append(Fault("serving-endpoints", answer=answer, times=9))
    before = len(cloud.calls("serving-endpoints"))
    with pytest.raises(TargetError, match="does not take the credentials") as caught:
        adapter.traffic()
    assert len(cloud.calls("serving-endpoints")) - before == 2
    assert "dapi-double" not in str(caught.value)
    assert "auth_type" not in str(caught.value)


def test_a_grant_that_is_missing_is_no_matter_of_the_token(
    target: Callable[..., Databricks], cloud: DatabricksDouble
) -> None:
    cloud.faults.append(Fault("serving-endpoints", answer=error(403, "PERMISSION_DENIED"), times=9))
    with pytest.raises(TargetError, match="does not allow it"):
        target().traffic()
    assert len(cloud.calls("serving-endpoints")) == 1


def test_the_machines_own_login_is_not_used(cloud: DatabricksDouble, tmp_path: Path) -> None:
    file = tmp_path / "databrickscfg"
    file.write_text(f"[DEFAULT]\nhost = {cloud.address}\ntoken = dapi-double-of-a-token\n")
    with environment(
        DATABRICKS_HOST=cloud.address,
        DATABRICKS_TOKEN="dapi-double-of-a-token",
        DATABRICKS_CONFIG_FILE=str(file),
        DATABRICKS_CONFIG_PROFILE="nobody",
        DATABRICKS_CLIENT_ID="double-client",
        DATABRICKS_CLIENT_SECRET="double-client-secret",
    ):
        none = Workspace(cloud.address, {}, client="alpha", where="client alpha")
        with pytest.raises(ConfigurationError, match="there are no credentials for Databricks"):
            none.call(lambda client: client.serving_endpoints.get("x"))
        other = Workspace(cloud.address, {"DATABRICKS_TOKEN": "dapi-of-nobody"}, client="alpha", where="client alpha")
        with pytest.raises(TargetError, match="does not take the credentials"):
            other.call(lambda client: client.serving_endpoints.get("x"))
        own = Workspace(cloud.address, SECRETS, client="alpha", where="client alpha")
        assert own.call(lambda client: client.config.profile) == ""
    assert {request.headers["authorization"] for request in cloud.calls("/api/")} == {"Bearer dapi-of-nobody"}


def test_a_host_that_is_not_there(target: Callable[..., Databricks], cloud: DatabricksDouble) -> None:
    cloud.stop()
    before = time.monotonic()
    with pytest.raises(Unreachable, match="does not answer"):
        target().traffic()
    assert time.monotonic() - before < 10
