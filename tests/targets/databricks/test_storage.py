"""Workspaces that take no files at ``/Models``: the cloud's storage by temporary credentials, or by signed addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from double_service import Answer, Fault, environment
from stored_files import FILES, MODEL, SLOW, WRITING, stored

from workbench.errors import ConfigurationError
from workbench.secrets.redaction import redact_text
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


def test_the_files_go_to_the_clouds_storage(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    assert through().apply(release(3)).traffic == {3: 100}
    assert stored(cloud, vault) == FILES
    assert cloud.calls("fs/files") == []
    assert cloud.vended == 1  # for both files
    assert len(vault.calls(WRITING)) == {"gs": 2}.get(vault.scheme, 1)
    assert vault.calls("/b/unity$") == []  # of the bucket itself nobody asks, which takes another right
    assert not through().apply(release(3)).changed


def test_the_storage_is_databricks_own_and_addresses_are_signed(
    deploy: Open, release: Releases, cloud: DatabricksDouble, tmp_path: Path
) -> None:
    cloud.says_files = cloud.takes_files = False
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    with environment(NETRC=str(tmp_path / "netrc")):
        assert deploy().apply(release(3)).traffic == {3: 100}
    assert cloud.versions[MODEL, "1"].files == FILES
    assert len(cloud.calls("PUT /signed/")) == 2
    assert cloud.calls("fs/files") == []
    for signed in cloud.calls("/signed/"):
        assert signed.query["sig"] not in redact_text(f"GET {signed.path}?sig={signed.query['sig']}")


@pytest.mark.parametrize(
    "vault", ["abfss", pytest.param("s3", marks=SLOW), pytest.param("gs", marks=SLOW)], indirect=True
)
def test_an_empty_file_is_one_too(
    deploy: Open, through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    for number, opened in (("1", through), ("2", deploy)):
        if number == "2":
            cloud.vault = None
        made = release(2 + int(number))
        (made.artifact / "empty.txt").touch()
        opened().apply(made)
        assert cloud.versions[MODEL, number].files["empty.txt"] == b""


def test_a_signed_address_without_encryption_is_not_used(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.says_files = cloud.takes_files = False
    cloud.faults.append(
        Fault("create-.*-url", answer=Answer(200, {"url": "http://lake.example/x?sig=canary"}), times=9)
    )
    with pytest.raises(ConfigurationError, match=r"http://lake\.example would be sent a login without encryption"):
        deploy().apply(release(3))


@pytest.mark.parametrize("field", ["host", "storage_address"])
def test_nothing_is_sent_without_encryption(target: Callable[..., Databricks], field: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http://lake\.example would be sent a login without encryption"):
        target(**{field: "http://lake.example"})


@pytest.mark.parametrize("vault", ["s3"], indirect=True)
def test_a_bucket_in_another_region_and_one_that_is_encrypted(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

    vault.region = "eu-west-1"
    key = "arn:aws:kms:eu-west-1:1:key/2"
    details = uc.SseEncryptionDetails(algorithm=uc.AWS_SSE_KMS, aws_kms_key_arn=key)
    vault.encrypted = uc.EncryptionDetails(sse_encryption_details=details)
    through().apply(release(3))
    assert stored(cloud, vault) == FILES
    sent = vault.calls("^PUT ")[-1].headers
    assert sent["x-amz-server-side-encryption"] == "aws:kms"
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == key
