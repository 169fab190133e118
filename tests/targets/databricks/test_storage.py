"""Workspaces that take no files at ``/Models``: the cloud's storage by temporary credentials, or by signed addresses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks_double import DatabricksDouble
from double_service import Answer, Fault, environment
from killing import killed_after, killed_at_each_call
from unity_vaults import AzureVault, GoogleVault, S3Vault

from workbench.errors import ConfigurationError, TargetError, Unreachable
from workbench.secrets.redaction import redact_text
from workbench.targets.databricks import Databricks
from workbench.targets.deployment import Deployment
from workbench.targets.release import Release

Open = Callable[..., Deployment]
Releases = Callable[[int], Release]
MODEL = "fleet.models.workbench_alpha"
FILES = {"MLmodel": b"flavors: {}\n", "data/model/factor.json": b"3"}
WRITING = "^(PUT|POST) .*MLmodel|^POST .*upload/storage"
READING = "^GET .*MLmodel"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["s3", "gs", "abfss"])
def vault(request: pytest.FixtureRequest, cloud: DatabricksDouble) -> Iterator[Any]:
    """The storage behind a workspace that takes no files itself."""
    kind = request.param
    made: Any = (
        S3Vault(request.getfixturevalue("moto")) if kind == "s3" else {"gs": GoogleVault, "abfss": AzureVault}[kind]()
    )
    with made as store:
        cloud.vault, cloud.says_files, cloud.takes_files = store, False, False
        yield store


@pytest.fixture
def through(deploy: Open, request: pytest.FixtureRequest) -> Open:
    """A deployment whose files go to the vault."""
    address = request.getfixturevalue("vault").address
    return lambda **more: deploy(storage_address=address, **more)


SLOW = pytest.mark.slow
ONE = pytest.mark.parametrize(
    "vault", ["s3", pytest.param("gs", marks=SLOW), pytest.param("abfss", marks=SLOW)], indirect=True
)
"""What is the same for all of them is tried with one, and by ``make test-slow`` with each."""


def stored(cloud: DatabricksDouble, vault: Any, number: str = "1") -> dict[str, bytes]:
    found: dict[str, bytes] = vault.files(cloud._prefix(MODEL, number))
    return found


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


# ---- which way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("says", [True, None, False])
def test_a_way_that_is_refused_gives_place_to_the_next(
    deploy: Open, release: Releases, cloud: DatabricksDouble, says: bool | None
) -> None:
    """What the workspace says is where it begins, and not where it ends."""
    cloud.says_files, cloud.takes_files, cloud.vends = says, not says, bool(says)
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert cloud.versions[MODEL, "1"].files == FILES
    assert bool(cloud.calls("PUT .*/fs/files")) is not says
    assert bool(cloud.calls("generate-temporary-credentials"))


def test_a_way_that_closes_in_the_middle_sends_all_by_the_next(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    closed = Answer(400, {"error_code": "BAD_REQUEST", "message": "Invalid path"})
    cloud.faults.append(Fault("PUT .*/fs/files", skip=1, answer=closed, times=99))
    deploy().apply(release(3))
    assert cloud.versions[MODEL, "1"].files == FILES
    # What is there by the other way is seen there, and not sent twice: it is the same folder.
    assert len(cloud.calls("GET /signed/")) == 3
    assert len(cloud.calls("PUT /signed/")) == 1


def test_no_way_is_open(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.takes_files = cloud.vends = False
    for _ in range(2):
        with pytest.raises(TargetError, match="can be uploaded by no way") as caught:
            deploy().apply(release(3))
        said = str(caught.value)
        assert "version 1: the model's files" in said
        assert "files at /Models: Databricks refuses: Invalid path: unsupported first path component" in said
        assert "temporary credentials: Databricks does not allow it: User does not have the right to vend" in said
        assert "administrator" in said
    cloud.vends = True
    assert deploy().apply(release(3)).traffic == {3: 100}
    assert len(cloud.versions) == 1


def test_a_login_that_is_not_taken_is_no_matter_of_the_way(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.faults.append(Fault("PUT .*/fs/files", answer=Answer(401, {"error_code": "UNAUTHENTICATED"}), times=9))
    with pytest.raises(TargetError, match="does not take the credentials"):
        deploy().apply(release(3))
    assert cloud.calls("generate-temporary-credentials") == []


# ---- what goes wrong ------------------------------------------------------------------------------------------------


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


def begun(adapter: Databricks, release: Release) -> tuple[Any, str]:
    """A version that waits for its files, and its operation."""
    model, version, *_ = adapter.parts(release)
    if model.find() is None:
        model.create()
    return version, version.create()


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


@ONE
def test_credentials_that_are_worn_out_are_asked_for_anew(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.seconds = 30  # less than what is taken for worn out
    through().apply(release(3))
    assert cloud.vended >= 4
    assert stored(cloud, vault) == FILES


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


@ONE
def test_what_was_vended_is_a_secret_from_then_on(through: Open, release: Releases, vault: Any) -> None:
    through().apply(release(3))
    for request in vault.calls(""):
        told = request.headers.get("x-amz-security-token") or request.headers.get("authorization", "").partition(" ")[2]
        assert not told or "canary" in told
        assert "canary" not in redact_text(f"log of a request with {told}".replace("AWS4", ""))
        assert "canary-s" not in redact_text(told)


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


@pytest.mark.parametrize("vault", ["gs"], indirect=True)
def test_credentials_for_another_place_are_refused(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any
) -> None:
    vault.location = lambda _: "s3://unity/elsewhere"
    with pytest.raises(TargetError, match="keeps files at 's3://', and gave gcp_oauth_token"):
        through().apply(release(3))
    assert vault.calls("") == []


def test_a_signed_address_without_encryption_is_not_used(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.says_files = cloud.takes_files = False
    cloud.faults.append(
        Fault("create-.*-url", answer=Answer(200, {"url": "http://lake.example/x?sig=canary"}), times=9)
    )
    with pytest.raises(ConfigurationError, match=r"http://lake\.example would be sent a login without encryption"):
        deploy().apply(release(3))


def test_a_new_login_sends_the_whole_file(deploy: Open, release: Releases, cloud: DatabricksDouble) -> None:
    cloud.faults.append(Fault("PUT .*/fs/files", answer=Answer(401, {"error_code": "UNAUTHENTICATED"})))
    deploy().apply(release(3))
    assert cloud.versions[MODEL, "1"].files == FILES
    assert len(cloud.calls("PUT .*/fs/files/.*MLmodel")) == 2


@pytest.mark.parametrize("field", ["host", "storage_address"])
def test_nothing_is_sent_without_encryption(target: Callable[..., Databricks], field: str) -> None:
    with pytest.raises(ConfigurationError, match=r"http://lake\.example would be sent a login without encryption"):
        target(**{field: "http://lake.example"})


# ---- the machine's own ----------------------------------------------------------------------------------------------


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


# ---- killed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [1, *(pytest.param(call, marks=pytest.mark.slow) for call in (0, 2, 3))])
def test_killed_after_a_call_to_the_storage(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, call: int
) -> None:
    assert killed_after(vault, lambda: through().apply(release(3)), skip=call)
    assert through().apply(release(3)).traffic == {3: 100}
    assert stored(cloud, vault) == FILES
    assert len(cloud.versions) == 1
    # What an earlier run has sent is not sent again.
    assert len(vault.calls("^PUT .*factor" if vault.scheme != "gs" else "^POST .*upload/storage")) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("which", ["workspace", "storage"])
def test_killed_after_every_call(
    through: Open, release: Releases, cloud: DatabricksDouble, vault: Any, which: str
) -> None:
    service = cloud if which == "workspace" else vault
    for version in (3, 4):
        calls = killed_at_each_call(service, lambda version=version: through().apply(release(version)))
        assert calls > 2
        assert (
            stored(cloud, vault, max(of for _, of in cloud.versions))["data/model/factor.json"] == str(version).encode()
        )
    assert len(cloud.versions) == 2
    assert through().status().ok


@pytest.mark.slow
def test_killed_after_every_call_with_signed_addresses(
    deploy: Open, release: Releases, cloud: DatabricksDouble
) -> None:
    cloud.says_files = cloud.takes_files = False
    assert killed_at_each_call(cloud, lambda: deploy().apply(release(3))) > 20
    (version,) = cloud.versions.values()
    assert version.files == FILES


# ---- Azurite --------------------------------------------------------------------------------------------------------


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
