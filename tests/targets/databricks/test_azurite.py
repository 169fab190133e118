"""A version's files in Azurite, Microsoft's own emulator, which checks signatures itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from stored_files import stored

from workbench.errors import TargetError
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]


class Azurite:
    """Microsoft's own emulator, as a storage of which credentials are vended: it checks signatures itself."""

    scheme, seconds = "abfss", 3600.0

    def __init__(self, service: Any, address: str) -> None:
        self.address, self._service = address, service
        self.container = service.create_container("unity")

    def location(self, prefix: str) -> str:
        return f"abfss://unity@devstoreaccount1.dfs.core.windows.net/{prefix}"

    def vend(self, prefix: str) -> Any:
        from azure.storage.blob import ContainerSasPermissions, generate_container_sas
        from mlflow.protos import databricks_uc_registry_messages_pb2 as uc

        # Folders of an account without a hierarchy cannot be signed for, so this is for the container.
        until = datetime.now(UTC) + timedelta(seconds=self.seconds)
        may = ContainerSasPermissions(read=True, write=True, create=True)
        key = self._service.credential.account_key
        signed = generate_container_sas("devstoreaccount1", "unity", key, permission=may, expiry=until)
        given = uc.AzureUserDelegationSAS(sas_token=signed)
        return uc.TemporaryCredentials(storage_mode=uc.CUSTOMER_HOSTED, azure_user_delegation_sas=given)

    def files(self, prefix: str) -> dict[str, bytes]:
        names = [one.name for one in self.container.list_blobs(f"{prefix}/")]
        return {name.removeprefix(f"{prefix}/"): self.container.download_blob(name).readall() for name in names}


@pytest.fixture
def azurite(cloud: DatabricksDouble) -> Iterator[Azurite]:
    """``make test-exports`` installs it."""
    from azure.storage.blob import BlobServiceClient
    from azurite_server import azurite as running

    with running() as text, BlobServiceClient.from_connection_string(text) as service:
        address = text.partition("BlobEndpoint=")[2].rstrip(";")
        made = Azurite(service, address)
        cloud.vault, cloud.says_files, cloud.takes_files = made, False, False
        yield made


@pytest.mark.exports
def test_files_go_to_azurite(deploy: Open, release: Releases, cloud: DatabricksDouble, azurite: Azurite) -> None:
    made = release(3)
    (made.artifact / "empty.txt").touch()
    (made.artifact / "large.bin").write_bytes(bytes(9_000_000))
    assert deploy(storage_address=azurite.address).apply(made).traffic == {3: 100}
    found = stored(cloud, azurite)
    assert {name: len(content) for name, content in found.items()} == {
        "MLmodel": 12, "data/model/factor.json": 1, "empty.txt": 0, "large.bin": 9_000_000,
    }  # fmt: skip
    azurite.seconds = -60
    with pytest.raises(TargetError, match=r"does not allow it \(abfss://, HTTP 403, Auth\w+\)"):
        deploy(storage_address=azurite.address).apply(release(4))
