"""Clouds' storages of which a workspace's double vends credentials: a real S3 server, and doubles of the other two.

Each refuses what was not vended for the version's folder, and what has been revoked.
"""

from __future__ import annotations

import re
import time
from typing import Any

from azure_blob_double import AzureBlobDouble
from double_service import Answer, Request
from gcs_double import GcsDouble
from mlflow.protos import databricks_uc_registry_messages_pb2 as uc
from tap_double import Tap

__all__ = ["AzureVault", "GoogleVault", "S3Vault"]

BUCKET = "unity"


class _Vault:
    """What they have in common.

    Attributes:
        seconds: that credentials are good for.
        encrypted: what is said of the bucket's encryption.
    """

    seconds = 3600.0
    encrypted: uc.EncryptionDetails | None = None

    def _given(self, **credentials: Any) -> uc.TemporaryCredentials:
        return uc.TemporaryCredentials(
            storage_mode=uc.CUSTOMER_HOSTED,
            expiration_time=int((time.time() + self.seconds) * 1000),
            encryption_details=self.encrypted,
            **credentials,
        )


class S3Vault(_Vault, Tap):
    """A real S3 server, and before it, who looks at the credentials."""

    scheme = "s3"

    def __init__(self, moto: str) -> None:
        super().__init__(moto)
        import boto3

        self.keys: dict[str, tuple[str, str]] = {}
        self.region = "us-east-1"
        self._api = boto3.client(
            "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        self._api.create_bucket(Bucket=BUCKET)
        for one in self._api.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self._api.delete_object(Bucket=BUCKET, Key=one["Key"])

    def stop(self) -> None:
        self._api.close()
        super().stop()

    def location(self, prefix: str) -> str:
        return f"s3://{BUCKET}/{prefix}"

    def vend(self, prefix: str) -> uc.TemporaryCredentials:
        key = f"ASIADOUBLE{len(self.keys)}"
        self.keys[key] = (f"canary-session-{key}", prefix)
        keys = uc.AwsCredentials(
            access_key_id=key, secret_access_key=f"canary-secret-{key}", session_token=f"canary-session-{key}"
        )
        return self._given(aws_temp_credentials=keys)

    def revoke(self) -> None:
        self.keys = dict.fromkeys(self.keys, ("", ""))

    def authorise(self, request: Request) -> None:
        signed = re.search(r"Credential=([^/]+)/\d+/([^/]+)/s3", request.headers.get("authorization", ""))
        token, prefix = self.keys.get(signed[1] if signed else "", ("", ""))
        if not token or request.headers.get("x-amz-security-token") != token:
            raise _refused(400, "ExpiredToken")
        if not request.path.startswith(f"/{BUCKET}/{prefix}/"):
            raise _refused(403, "AccessDenied")
        if signed is not None and signed[2] != self.region:
            raise _refused(301, "PermanentRedirect", {"x-amz-bucket-region": self.region})

    def files(self, prefix: str) -> dict[str, bytes]:
        found = self._api.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        keys = [one["Key"] for one in found]
        read = {key: self._api.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        return {key.removeprefix(f"{prefix}/"): content for key, content in read.items()}


def _refused(status: int, code: str, headers: dict[str, str] | None = None) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml", **(headers or {})})


class GoogleVault(_Vault, GcsDouble):
    """A bucket of Cloud Storage."""

    scheme = "gs"

    def __init__(self) -> None:
        super().__init__(BUCKET)

    def location(self, prefix: str) -> str:
        return f"gs://{BUCKET}/{prefix}"

    def vend(self, prefix: str) -> uc.TemporaryCredentials:
        self.given += 1
        token = f"ya29.canary-{self.given}"
        self.tokens.add(token)
        return self._given(gcp_oauth_token=uc.GcpOauthToken(oauth_token=token))

    def revoke(self) -> None:
        self.tokens.clear()

    def files(self, prefix: str) -> dict[str, bytes]:
        return _below(prefix, {name: kept.content for name, kept in self.objects.items()})


class AzureVault(_Vault, AzureBlobDouble):
    """A container of an account with folders."""

    scheme = "abfss"

    def location(self, prefix: str) -> str:
        return f"abfss://{self.container}@lake.dfs.core.windows.net/{prefix}"

    def vend(self, prefix: str) -> uc.TemporaryCredentials:
        signature = uc.AzureUserDelegationSAS(sas_token=self.sign(prefix, self.seconds))
        return self._given(azure_user_delegation_sas=signature)

    def revoke(self) -> None:
        self.signatures.clear()

    def files(self, prefix: str) -> dict[str, bytes]:
        return _below(prefix, self.blobs)


def _below(prefix: str, kept: dict[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix(f"{prefix}/"): content for name, content in kept.items() if name.startswith(f"{prefix}/")}
