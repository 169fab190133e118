"""Credentials that Unity Catalog vends: worn out, refused, for another place; a secret from the moment they are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from databricks_double import DatabricksDouble
from double_service import Answer, Fault
from stored_files import FILES, MODEL, ONE, begun, stored

from workbench.errors import TargetError
from workbench.secrets.redaction import redact_text
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


@ONE
def test_credentials_that_are_worn_out_are_asked_for_anew(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.seconds = 30  # less than what is taken for worn out
    through().apply(release(3))
    assert cloud.vended >= 4
    assert stored(cloud, vault) == FILES


@ONE
def test_credentials_that_name_no_end_are_kept(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vend = vault.vend

    def without_end(prefix: str) -> Any:
        found = vend(prefix)
        found.ClearField("expiration_time")
        return found

    vault.vend = without_end
    through().apply(release(3))
    assert cloud.vended == 1


@ONE
def test_credentials_that_are_refused_are_asked_for_anew_once(
    target: Callable[..., Databricks], release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    part, doing = begun(target(storage_address=vault.address), release(3))
    assert not part.poll(doing).done
    vault.revoke()
    assert part.poll(doing).done
    assert cloud.vended == 2
    # Refused when the first bytes have gone already: all of them go again.
    part, doing = begun(target(storage_address=vault.address), release(4))
    assert not part.poll(doing).done
    vault.faults.append(Fault("^(PUT|POST) .*factor|^POST .*upload/storage", answer=Answer(403, b"no")))
    assert part.poll(doing).done
    assert stored(cloud, vault, "2")["data/model/factor.json"] == b"4"
    part.versions.close()


@ONE
def test_a_store_that_does_not_say_that_nothing_is_there(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    """S3 says "forbidden" of a missing file to who may not list."""
    get, kept = vault._handled, vault.files

    def answered(request: Any) -> Answer:
        answer = get(request)
        return Answer(403, b"") if request.method == "GET" and answer.status == 404 else answer

    vault._handled = answered
    assert through().apply(release(3)).traffic == {3: 100}
    assert kept(cloud._prefix(MODEL, "1")) == FILES


def test_credentials_that_are_never_taken(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.vend, vend = (lambda prefix: (vend(prefix), vault.revoke())[0]), vault.vend
    with pytest.raises(TargetError, match="can be uploaded by no way") as caught:
        through().apply(release(3))
    said = str(caught.value)
    assert f"the cloud's storage does not allow it ({vault.scheme}://, HTTP" in said
    assert "canary" not in said
    assert cloud.vended == 2  # what was just vended and is refused is not asked for again at once
    assert "sig=" not in said


def test_a_signed_address_that_is_never_taken(
    deploy: Open, release: Releases, cloud: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answers is no file that came back otherwise, which would be tried again and again."""
    cloud.says_files = cloud.takes_files = False
    cloud.faults.append(
        Fault("PUT /signed/", answer=Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), times=99)
    )
    answers: list[requests.Response] = []
    request = requests.request
    monkeypatch.setattr(requests, "request", lambda *parts, **options: kept(request(*parts, **options)))

    def kept(answer: requests.Response) -> requests.Response:
        answers.append(answer)
        return answer

    with pytest.raises(TargetError, match="can be uploaded by no way") as caught:
        deploy().apply(release(3))
    assert "the cloud's storage does not allow it (https://, HTTP 403" in str(caught.value)
    assert "sig=" not in str(caught.value)
    assert answers
    assert all(answer.raw.closed for answer in answers), "a body that nobody reads holds its connection"


@ONE
def test_what_was_vended_is_a_secret_from_then_on(through: Open, release: Releases, vault: Any) -> None:
    through().apply(release(3))
    for request in vault.calls(""):
        told = request.headers.get("x-amz-security-token") or request.headers.get("authorization", "").partition(" ")[2]
        assert not told or "canary" in told
        assert "canary" not in redact_text(f"log of a request with {told}".replace("AWS4", ""))
        assert "canary-s" not in redact_text(told)


@pytest.mark.parametrize("vault", ["gs"], indirect=True)
def test_credentials_for_another_place_are_refused(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.location = lambda _: "s3://unity/elsewhere"
    with pytest.raises(TargetError, match="keeps files at 's3://', and gave gcp_oauth_token"):
        through().apply(release(3))
    assert vault.calls("") == []
