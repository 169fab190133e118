"""What goes wrong at the cloud's storage: what passes is tried again, what does not is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from double_service import Answer, Fault
from stored_files import FILES, ONE, READING, SLOW, WRITING, begun, stored

from workbench.errors import Unreachable
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
PASSING = [
    Fault(WRITING, answer=Answer(503, b"busy")),
    Fault(WRITING, answer=Answer(429, b"slow down")),
    Fault(WRITING, drop="before"),
    Fault(WRITING, drop="after"),
    Fault("^GET .*factor", answer=Answer(500, b"no")),
    Fault("^GET .*factor", drop="after"),
    Fault("^GET .*factor", skip=1, truncate=0),
]


def disturbed(through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, fault: Fault) -> None:
    vault.faults.append(replace(fault))
    assert through().apply(release(3)).traffic == {3: 100}
    assert stored(cloud, vault) == FILES
    assert len(cloud.versions) == 1
    assert not vault.faults[0].times


def named(one: Any) -> str:
    is_fault = isinstance(one, Fault)
    return f"{one.on[1:4]} {one.drop or (one.answer and one.answer.status) or 'cut'}" if is_fault else str(one)


SHARED_OUT = [(("s3", "abfss", "gs")[place % 3], fault) for place, fault in enumerate(PASSING)]


@pytest.mark.parametrize(("vault", "fault"), SHARED_OUT, ids=named, indirect=["vault"])
def test_what_passes_is_tried_again(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, fault: Fault
) -> None:
    disturbed(through, release, cloud, vault, fault)


@pytest.mark.slow
@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_what_passes_is_tried_again_everywhere(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, fault: Fault
) -> None:
    disturbed(through, release, cloud, vault, fault)


@pytest.mark.parametrize("on", [READING, WRITING], ids=["reading", "writing"])
def test_one_call_is_one_request(
    target: Callable[..., Databricks], release: Releases, cloud: DatabricksDouble, vault: Any, on: str
) -> None:
    vault.faults.append(Fault(on, answer=Answer(503, b"", {"Retry-After": "7"}), times=9))
    part, doing = begun(target(storage_address=vault.address), release(3))
    with pytest.raises(Unreachable, match=rf"asks to come back later \({vault.scheme}://, HTTP 503") as caught:
        part.poll(doing)
    assert caught.value.retry_after == 7
    assert len(vault.calls(on)) == 1
    part.versions.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT /signed/", answer=Answer(503, b"busy")),
        Fault("PUT /signed/", answer=Answer(403, b"<Error><Code>AccessDenied</Code></Error>")),
        Fault("PUT /signed/", drop="before"),
        Fault("GET /signed/", answer=Answer(429, b"slow down")),
        Fault("GET /signed/", skip=1, truncate=3),
    ],
    ids=lambda fault: f"{fault.on[:3]} {fault.drop or (fault.answer and fault.answer.status) or 'cut'}",
)
def test_what_passes_at_a_signed_address_is_tried_again(
    deploy: Open, release: Releases, cloud: DatabricksDouble, fault: Fault
) -> None:
    """What an address answers with an error is no file; one that is not good any more is signed anew."""
    cloud.says_files = cloud.takes_files = False
    cloud.faults.append(replace(fault))
    assert deploy().apply(release(3)).traffic == {3: 100}
    (version,) = cloud.versions.values()
    assert version.files == FILES
    assert len(cloud.calls("PUT /signed/")) == 2 + (fault.on.startswith("PUT"))


def test_a_store_that_says_nothing_is_not_waited_for(
    target: Callable[..., Databricks],
    release: Releases,
    cloud: DatabricksDouble,
    vault: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workbench.targets.databricks.storage.SECONDS", 0.3)
    vault.faults.append(Fault(READING, delay=2))
    part, doing = begun(target(storage_address=vault.address), release(3))
    before = time.monotonic()
    with pytest.raises(Unreachable, match=rf"does not answer \({vault.scheme}://"):
        part.poll(doing)
    assert time.monotonic() - before < 2
    part.versions.close()


def test_a_signed_address_that_says_nothing_is_not_waited_for(
    target: Callable[..., Databricks], release: Releases, cloud: DatabricksDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.targets.databricks.vending.SECONDS", 0.3)
    cloud.says_files = cloud.takes_files = False
    cloud.faults.append(Fault("GET /signed/", delay=2))
    part, doing = begun(target(), release(3))
    with pytest.raises(Unreachable, match=r"does not answer \(https://, ReadTimeout"):
        part.poll(doing)
    part.versions.close()


@ONE
def test_nobody_listens(
    target: Callable[..., Databricks], release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.stop()
    part, doing = begun(target(storage_address=vault.address), release(3))
    with pytest.raises(Unreachable, match=rf"does not answer \({vault.scheme}://") as caught:
        part.poll(doing)
    assert "canary" not in str(caught.value)
    part.versions.close()


@pytest.mark.parametrize(
    "vault", ["abfss", pytest.param("s3", marks=SLOW), pytest.param("gs", marks=SLOW)], indirect=True
)
def test_a_file_that_comes_back_otherwise_is_sent_again(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    other = Answer(206, b"5", {"ETag": '"0x1"', "Content-Range": "bytes 0-0/1"})
    vault.faults.append(Fault("^GET .*factor", skip=1, answer=other))
    through().apply(release(3))
    assert stored(cloud, vault) == FILES
    vault.faults[:] = [Fault("^GET .*factor", answer=other, times=99)]
    with pytest.raises(Unreachable, match=r"version 2: data/model/factor\.json came back otherwise than it was sent"):
        through().apply(release(4))
