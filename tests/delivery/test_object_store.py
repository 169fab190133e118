"""Object stores: a real S3 server on loopback, Google's API as a double, and Azurite, where what talks to them is there."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.clients.delivery import ObjectStoreDelivery
from workbench.delivery.object_store import ObjectStoreCourier
from workbench.errors import ConfigurationError, DeliveryError, Unreachable

KEYS = {"ACME__KEY": "canary-id", "ACME__SECRET": "canary-secret"}


@pytest.fixture(scope="module")
def s3() -> Any:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def courier(endpoint: str, secrets: Any, bucket: str = "acme-reports") -> ObjectStoreCourier:
    delivery = ObjectStoreDelivery(
        kind="object_store", url=f"s3://{bucket}/in/", endpoint=endpoint, key_variable="ACME__KEY",
        secret_variable="ACME__SECRET",
    )  # fmt: skip
    return ObjectStoreCourier(delivery, secrets(**KEYS))


def test_the_files_and_at_last_what_they_are(s3: str, parcel: Any, secrets: Any) -> None:
    import boto3

    client = boto3.client(
        "s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket="acme-reports")
    made = courier(s3, secrets)
    for _ in range(2):
        assert made.send(parcel, made.recipients[0]) == "s3://acme-reports/in/weekly/20261124T060000Z"
    found = client.list_objects_v2(Bucket="acme-reports")["Contents"]
    prefix = "in/weekly/20261124T060000Z"
    names = [f"{prefix}/{name}" for name in ("model_card.html", "model_card.pdf", "parcel.json")]
    assert [one["Key"] for one in found] == names
    body = client.get_object(Bucket="acme-reports", Key=names[0])["Body"].read()
    assert body == (parcel.folder / "model_card.html").read_bytes()
    assert json.loads(client.get_object(Bucket="acme-reports", Key=names[2])["Body"].read())["digest"] == parcel.digest
    client.close()


def test_no_such_bucket(s3: str, parcel: Any, secrets: Any) -> None:
    made = courier(s3, secrets, "nowhere-at-all")
    with pytest.raises(DeliveryError, match="refused the file") as caught:
        made.send(parcel, made.recipients[0])
    assert "canary" not in str(caught.value)


def test_nobody_listens(parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    made = courier("http://127.0.0.1:1", secrets)
    with pytest.raises(Unreachable, match="cannot be used now") as caught:
        made.send(parcel, made.recipients[0])
    assert "canary" not in str(caught.value)


def to(url: str) -> ObjectStoreCourier:
    return ObjectStoreCourier(ObjectStoreDelivery(kind="object_store", url=url), {})


@pytest.mark.parametrize(
    ("url", "module", "extra"), [("gs://bucket", "gcsfs", "gcs"), ("abfs://bucket", "adlfs", "azure")]
)
def test_what_is_not_installed_is_named(parcel: Any, monkeypatch: Any, url: str, module: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as Python itself has it: the import fails
    made = to(url)
    with pytest.raises(ConfigurationError, match=r"is not installed") as caught:
        made.send(parcel, made.recipients[0])
    assert f"pip install -c constraints.txt -e '.[{extra}]'" in str(caught.value)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "doubles"))
    from gcs_double import GcsDouble
    from google_token_double import key_file

    with GcsDouble("acme-reports") as double:
        (tmp_path / "key.json").write_text(key_file(double.address))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", double.address)
        yield double


def test_google_cloud_storage(google: Any, parcel: Any) -> None:
    made = to("gs://acme-reports/in/")
    for _ in range(2):
        assert made.send(parcel, made.recipients[0]) == "gs://acme-reports/in/weekly/20261124T060000Z"
    prefix = "in/weekly/20261124T060000Z"
    assert list(google.objects) == [f"{prefix}/{one}" for one in ("model_card.html", "model_card.pdf", "parcel.json")]
    assert google.objects[f"{prefix}/model_card.html"].content == (parcel.folder / "model_card.html").read_bytes()


def test_google_refuses(google: Any, parcel: Any) -> None:
    with pytest.raises(DeliveryError, match="no such bucket"):
        to("gs://nowhere/in").send(parcel, "gs://nowhere/in")
    google.is_revoked = True
    with pytest.raises(DeliveryError, match="HTTP 401"):
        to("gs://acme-reports/in").send(parcel, "gs://acme-reports/in")


@pytest.fixture
def azurite(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "doubles"))
    from azure.storage.blob import BlobServiceClient
    from azurite_server import azurite as running

    with running() as text, BlobServiceClient.from_connection_string(text) as service:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
        service.create_container("acme-reports")
        yield service


@pytest.mark.exports
def test_azure_blob_storage(azurite: Any, parcel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = to("abfs://acme-reports/in/")
    for _ in range(2):
        assert made.send(parcel, made.recipients[0]) == "abfs://acme-reports/in/weekly/20261124T060000Z"
    container = azurite.get_container_client("acme-reports")
    names = [one.name for one in container.list_blobs()]
    prefix = "in/weekly/20261124T060000Z"
    assert names == [f"{prefix}/{one}" for one in ("model_card.html", "model_card.pdf", "parcel.json")]
    assert container.download_blob(names[0]).readall() == (parcel.folder / "model_card.html").read_bytes()
    with pytest.raises(DeliveryError, match="no such bucket"):
        to("abfs://nowhere/in").send(parcel, "abfs://nowhere/in")
    from azurite_server import AZURITE_KEY

    wrong = os.environ["AZURE_STORAGE_CONNECTION_STRING"].replace(AZURITE_KEY, "AAAA" + AZURITE_KEY[4:])
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
    with pytest.raises(DeliveryError, match="HTTP 403") as caught:
        made.send(parcel, made.recipients[0])
    assert "AAAA" not in str(caught.value)
