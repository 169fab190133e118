"""What the machine has of its own: its profiles and variables count for nothing; what is not installed is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from double_service import environment
from stored_files import FILES, stored

from workbench.errors import TargetError
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


def test_nothing_of_the_machines_own_is_used(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile poisoned]\nregion = mars-1\nendpoint_url = http://127.0.0.1:1\n")
    with environment(
        AWS_PROFILE="nobody",
        AWS_CONFIG_FILE=str(tmp_path / "config"),
        AWS_ENDPOINT_URL_S3="http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID="AKIAMACHINE",
        AWS_SECRET_ACCESS_KEY="machine",
        AWS_SESSION_TOKEN="machine",
        STORAGE_EMULATOR_HOST="http://127.0.0.1:1",
        GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"),
        AZURE_STORAGE_CONNECTION_STRING="UseDevelopmentStorage=true",
    ):
        through().apply(release(3))
    assert stored(cloud, vault) == FILES


def test_where_the_clouds_own_addresses_are(cloud: DatabricksDouble) -> None:
    """Without another address, the cloud's own counts, whatever the machine's variables say."""
    from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

    from workbench.targets.databricks.storage import open_storage

    keys = {"access_key_id": "a", "secret_access_key": "b", "session_token": "c"}
    with environment(AWS_ENDPOINT_URL="http://127.0.0.1:1", STORAGE_EMULATOR_HOST="http://127.0.0.1:1"):
        s3: Any = open_storage(
            uc.TemporaryCredentials(aws_temp_credentials=uc.AwsCredentials(**keys)), "s3://unity/a", "", None
        )
        r2: Any = open_storage(
            uc.TemporaryCredentials(r2_temp_credentials=uc.R2Credentials(**keys)),
            "r2://unity@account.r2.cloudflarestorage.com/a",
            "",
            None,
        )
        gs: Any = open_storage(
            uc.TemporaryCredentials(gcp_oauth_token=uc.GcpOauthToken(oauth_token="t")), "gs://unity/a", "", None
        )
        signature = uc.AzureUserDelegationSAS(sas_token="sig=x")
        azure: Any = open_storage(
            uc.TemporaryCredentials(azure_user_delegation_sas=signature),
            "abfss://unity@lake.dfs.core.windows.net/a%20b",
            "",
            None,
        )
    assert s3._client.meta.endpoint_url == "https://s3.amazonaws.com"
    assert (r2._client.meta.endpoint_url, r2._bucket) == ("https://account.r2.cloudflarestorage.com", "unity")
    assert gs._client._connection.API_BASE_URL == "https://storage.googleapis.com"
    assert azure._client.url.startswith("https://lake.blob.core.windows.net/unity")
    assert azure._root == "a b"
    for one in (s3, r2, gs, azure):
        one.close()


@pytest.mark.parametrize(
    ("vault", "module", "extra"),
    [("s3", "botocore.config", "s3"), ("abfss", "azure.storage.blob", "azure")],
    indirect=["vault"],
)
def test_what_is_not_installed_is_named(
    through: Open, release: Releases, vault: Any, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as Python itself has it: the import fails
    with pytest.raises(TargetError, match=f"what talks to {vault.scheme}:// is not installed") as caught:
        through().apply(release(3))
    assert f"pip install -c constraints.txt -e '.[{extra}]'" in str(caught.value)
