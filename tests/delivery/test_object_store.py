"""Object stores, by a real S3 server on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.clients.delivery import ObjectStoreDelivery
from workbench.delivery.object_store import ObjectStoreCourier
from workbench.errors import DeliveryError, Unreachable

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
