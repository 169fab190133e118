"""What goes wrong on the way to Google: 29 to 36 of the faults, by the real SDK against real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from double_service import Answer, Fault
from gcs_double import Kept
from google_token_double import key_file
from vertex_double import VertexDouble

from workbench.errors import ConfigurationError, SecretMissing, TargetError, Unreachable
from workbench.targets.deployment import Deployment
from workbench.targets.vertex.identity import credentials_of
from workbench.targets.vertex.objects import Objects, files_of
from workbench.targets.vertex.services import Services

Deploy = Callable[..., Deployment]
MODEL = "projects/acme-1/locations/us-central1/models/workbench-alpha"
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.5s"}
QUOTA = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [RETRY_INFO]}}
HTML = Answer(200, b"<html><body>Sign in to the hotel's network</body></html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST .*models:upload", answer=Answer(429, QUOTA, {})),
        Fault("POST .*:deployModel", answer=Answer(503)),
        Fault("POST .*models:upload", drop="before"),
        Fault("POST .*models:upload", drop="after"),
        Fault("POST .*:deployModel", drop="after"),
        Fault("POST .*/endpoints$", drop="after"),
        Fault("PATCH", drop="after"),
        Fault("POST /upload", drop="after"),
        Fault("POST /upload", answer=Answer(500), times=2),
        Fault("GET .*operations", answer=HTML, times=2),
        Fault("GET .*/models/", answer=HTML),
        Fault("GET .*/endpoints/", truncate=2, skip=2),
        Fault("GET /storage", truncate=2),
        Fault(":predict", answer=HTML),
        Fault("POST /token", answer=Answer(503)),
    ],
    ids=lambda fault: f"{fault.on} {fault.drop or (fault.answer and fault.answer.status) or 'cut'}",
)
def test_what_passes_is_tried_again_and_makes_nothing_twice(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], fault: Fault
) -> None:
    """Faults 29, 30, 32, 35."""
    vertex.faults.append(fault)
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert fault.times == 0
    assert len(vertex.made) == 3
    assert set(vertex.uploads.values()) == {1}


def test_a_quota_says_when_to_come_back(services: Callable[..., Services], vertex: VertexDouble) -> None:
    """Fault 29: RetryInfo in the body, or the header Retry-After."""
    client = services()
    request = {"name": MODEL}
    for answer, seconds in ((Answer(429, QUOTA), 17.5), (Answer(503, None, {"Retry-After": "7"}), 7.0)):
        vertex.faults.append(Fault("models", answer=answer))
        with pytest.raises(Unreachable) as caught:
            client.look(client.models.get_model, request)
        assert caught.value.retry_after == seconds
    vertex.faults.append(Fault("models", answer=Answer(502), times=9))
    with pytest.raises(Unreachable, match="it answers 502"):
        client.look(client.models.get_model, request)
    with pytest.raises(Unreachable, match="it answers 502"):
        Objects(client).below("workbench/")
    # The SDK itself has tried nothing again, though it would have: Cloud Storage's repeats all reading for two minutes.
    assert len(vertex.calls("models")) == 4
    client.close()


def test_a_service_that_says_nothing_is_not_waited_for(services: Callable[..., Services], vertex: VertexDouble) -> None:
    """Fault 31."""
    client = services(request_seconds=0.2)
    client.look(client.models.get_model, {"name": MODEL})
    vertex.faults.append(Fault("models", delay=1))
    with pytest.raises(Unreachable, match=r"no answer \(ReadTimeout\)"):
        client.look(client.models.get_model, {"name": MODEL})
    client.close()


def test_an_upload_that_was_cut_off_is_done_to_its_end(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    """Fault 33: what is half there is told by the plan, and not taken for the whole."""
    vertex.faults += [Fault("POST /upload", skip=2, answer=Answer(403))]
    with pytest.raises(TargetError, match=r"it answers 403.*roles that docs/targets/vertex\.md lists"):
        deploy().apply(release(3))
    assert vertex.models == {}
    first = deploy().plan(release(3)).steps[0]
    assert (first.action, first.changes) == ("change", {"complete": (False, True)})
    deploy().apply(release(3))
    assert set(vertex.uploads.values()) == {1}


def test_a_large_file_is_uploaded_in_a_session(
    services: Callable[..., Services], vertex: VertexDouble, tmp_path: Path
) -> None:
    """Fault 33: a session that broke is begun anew, and shows no object before its end."""
    (tmp_path / "big").mkdir()
    (tmp_path / "big/weights").write_bytes(b"\1" * (9 << 20))
    (file,) = files_of(tmp_path / "big").values()
    client = services()
    vertex.faults.append(Fault("PUT /.*upload", drop="before"))
    with pytest.raises(Unreachable, match="no answer"):
        Objects(client).upload("x/weights", file, generation=0, metadata={"client": "alpha"})
    assert vertex.objects == {}
    Objects(client).upload("x/weights", file, generation=0, metadata={"client": "alpha"})
    assert vertex.objects["x/weights"].crc32c == file.crc32c
    assert len(vertex.calls("PUT")) == 2
    client.close()


@pytest.mark.parametrize("part", ["weights.bin", "manifest.json"])
def test_what_arrives_damaged_is_not_kept(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], part: str
) -> None:
    """Fault 34: the service compares the checksum that was sent along."""
    vertex.corrupt.append(part)
    with pytest.raises(TargetError, match="CRC32C"):
        deploy().apply(release(3))
    assert deploy().apply(release(3)).traffic == {3: 100}


def test_a_file_that_was_changed_in_the_bucket_is_replaced(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    """Fault 34, later: content, size or a stranger file; and nothing is overwritten that was not looked at."""
    deploy().apply(release(3))
    name = "workbench/alpha/v3/artifact/data/model/weights.bin"
    good = vertex.objects[name].content
    vertex.objects[name] = Kept(b"\xff" + good[1:], 5, vertex.objects[name].metadata)
    vertex.objects["workbench/alpha/v3/artifact/more"] = Kept(b"?", 6, {"client": "alpha"})
    assert deploy().plan(release(3)).steps[0].changes == {"complete": (False, True)}
    deploy().apply(release(3))
    assert vertex.objects[name].content == good
    assert "workbench/alpha/v3/artifact/more" not in vertex.objects
    assert vertex.calls("POST /upload")[-1].query["ifGenerationMatch"] == "5"


def test_a_download_that_is_damaged_is_read_again(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    deploy().apply(release(3))
    wrong = Answer(200, b'{"files": {}, "sha256": ""}', {"X-Goog-Hash": "crc32c=AAAAAA=="})
    vertex.faults.append(Fault("GET /download", answer=wrong))
    assert deploy().plan(release(3)).is_empty
    assert len(vertex.calls("GET /download")) >= 2


def test_a_token_that_is_refused_is_renewed_once(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    """Fault 36."""
    deployment = deploy()
    deployment.apply(release(3))
    given = vertex.given
    vertex.tokens.clear()
    assert deployment.status().ok
    assert vertex.given == given + 1
    vertex.is_revoked = True
    for fresh in (False, True):
        vertex.given = 0
        with pytest.raises(TargetError, match=r"the login was refused.*put a valid key"):
            (deploy() if fresh else deployment).status()
        assert vertex.given <= 2


def test_a_key_that_the_login_service_does_not_know(vertex: VertexDouble, services: Callable[..., Services]) -> None:
    client = services()
    vertex.faults.append(Fault("POST /token", answer=Answer(400, {"error": "invalid_grant"}), times=9))
    with pytest.raises(TargetError, match="the login was refused") as caught:
        client.look(client.models.get_model, {"name": MODEL})
    assert "PRIVATE" not in str(caught.value)
    assert len(vertex.calls("POST /token")) == 1
    client.close()


def test_only_the_clients_own_key_is_taken(vertex: VertexDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever this machine is logged in as is not asked; and no login goes out without encryption."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/somebody/else.json")
    for secret in ("{}", "not json", json.dumps({"type": "service_account", "token_uri": "https://x"}), "[1]"):
        with pytest.raises(ConfigurationError, match="holds no key of a service account") as caught:
            credentials_of({"K": secret}, "K", client="alpha")
        assert caught.value.__cause__ is None
    plain = json.dumps({**json.loads(key_file(vertex.address)), "token_uri": "http://login.example/token"})
    with pytest.raises(ConfigurationError, match="without encryption"):
        credentials_of({"K": plain}, "K", client="alpha")


def test_no_login_goes_out_without_encryption(settings: Callable[..., object], project: Path) -> None:
    from workbench.secrets import secrets_of

    with pytest.raises(ConfigurationError, match=r"http://vertex\.example would be sent a login"):
        Services(settings().model_copy(update={"address": "http://vertex.example"}), {}, "alpha")  # type: ignore[attr-defined]
    client = Services(settings(), secrets_of(project, "clinic"), "clinic")  # type: ignore[arg-type]
    with pytest.raises(SecretMissing, match="GOOGLE_CREDENTIALS"):
        client.models  # noqa: B018


def test_what_bears_our_name_and_is_anothers_is_not_touched(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    deploy().apply(release(3))
    name = MODEL.replace("models", "endpoints")
    for thing in (vertex.endpoints[name], vertex.models[MODEL][0]):
        labels = dict(thing.labels)
        thing.labels = {**labels, "client": "beta"}
        effects = vertex.effects
        for step in (lambda: deploy().plan(release(3)), lambda: deploy().apply(release(3))):
            with pytest.raises(TargetError, match="is there, and is not this client's"):
                step()
        assert vertex.effects - effects == 2  # a login each
        thing.labels = labels
    vertex.endpoints[name].traffic_split = {"99": 100}
    with pytest.raises(TargetError, match=r"gives traffic to a deployed model that is not ours \(99\)"):
        deploy().status()


def test_anothers_files_and_models_are_not_touched(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object], services: Callable[..., Services]
) -> None:
    vertex.objects["workbench/alpha/v3/artifact/x"] = Kept(b"?", 7, {"client": "beta"})
    with pytest.raises(TargetError, match="holds files that are not this client's"):
        deploy().apply(release(3))
    assert list(vertex.objects) == ["workbench/alpha/v3/artifact/x"]
    vertex.objects.clear()
    deploy().apply(release(3))
    vertex.models[MODEL][0].labels = {"client": "beta"}
    with pytest.raises(TargetError, match="model 'workbench-alpha' is there, and is not this client's"):
        deploy().apply(release(4))


def test_somebody_who_changes_the_endpoint_meanwhile_is_not_overwritten(
    deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]
) -> None:
    """The etag that was looked at is sent along; the next look sees what the other one did."""
    deploy().apply(release(3))
    deploy().apply(release(4))
    vertex.faults.append(Fault("PATCH", answer=vertex.error(409, "The etag does not match.", "ABORTED")))
    assert deploy().canary(20).traffic == {3: 80, 4: 20}
    patched = vertex.calls("PATCH")
    assert all(request.json()["etag"] for request in patched)


def test_one_change_at_a_time(deploy: Deploy, vertex: VertexDouble, release: Callable[..., object]) -> None:
    """An operation of somebody else at the endpoint is waited for."""
    deploy().apply(release(3))
    busy = vertex.error(400, "There are other operations running on the Endpoint.", "FAILED_PRECONDITION")
    vertex.faults.append(Fault(":deployModel", answer=busy, times=2))
    deploy().apply(release(4))
    assert len(vertex.calls(":deployModel")) == 4
