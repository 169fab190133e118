"""The cloud's own storage, opened with credentials that are good for one version's folder and for a while.

Each cloud by its maker's SDK, one attempt a call. What such an SDK would find on the machine by itself (profiles, an
endpoint in the environment, an emulator's address) counts for nothing here: the credentials are for one place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit

from workbench.errors import TargetError
from workbench.targets.databricks.storage_errors import translated_storage
from workbench.targets.databricks.ways import CHUNK, Digest

if TYPE_CHECKING:
    from mlflow.protos.databricks_uc_registry_messages_pb2 import TemporaryCredentials

__all__ = ["Storage", "open_storage"]

SECONDS = 60
"""For one answer."""


class Storage:
    """Files below one folder of a store.

    Attributes:
        kind: of the store, for messages: ``s3``.
    """

    kind: str

    def __init__(self, location: SplitResult, where: str) -> None:
        self._root, self._where = unquote(location.path).strip("/"), where

    def put(self, name: str, contents: BinaryIO, size: int) -> None:
        """Write a file; what is there is replaced as a whole.

        Raises:
            Forbidden: the credentials are not good for it, or not any more.
            Unreachable: it may pass.
            TargetError: it was refused.
        """
        with self._speaking():
            self._put(f"{self._root}/{name}", contents, size)

    def read(self, name: str, into: Digest) -> None:
        """Read a file.

        Raises:
            Missing: there is none.
            Forbidden, Unreachable, TargetError: as :meth:`put`.
        """
        with self._speaking():
            self._read(f"{self._root}/{name}", into)

    def close(self) -> None:
        """Let go of connections."""
        raise NotImplementedError

    def _put(self, key: str, contents: BinaryIO, size: int) -> None:
        raise NotImplementedError

    def _read(self, key: str, into: Digest) -> None:
        raise NotImplementedError

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with translated_storage(self.kind, self._where):
            yield


class _S3(Storage):
    """S3, and R2 of Cloudflare, which speaks the same.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html: a file has 5 GB at most.
    """

    kind = "s3"

    def __init__(
        self, location: SplitResult, where: str, keys: Any, extra: Mapping[str, str], endpoint: str | None
    ) -> None:
        super().__init__(location, where)
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": 1},
            ignore_configured_endpoint_urls=True,
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            request_checksum_calculation="when_required",  # R2 knows no other; what was sent is read back anyway
            s3={"addressing_style": "path"} if endpoint else None,
        )
        # The region is the bucket's: S3 names it in its first answer, and botocore goes there.
        self._client = _session().create_client(
            "s3",
            "auto" if location.scheme == "r2" else "us-east-1",
            endpoint_url=endpoint or (f"https://{location.hostname}" if location.scheme == "r2" else None),
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            aws_session_token=keys.session_token,
            config=config,
        )
        self._bucket, self._extra = location.username or location.netloc, extra

    def _put(self, key: str, contents: BinaryIO, size: int) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=contents, ContentLength=size, **self._extra)

    def _read(self, key: str, into: Digest) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        for chunk in body.iter_chunks(CHUNK):
            into.write(chunk)

    def close(self) -> None:
        self._client.close()


@cache
def _session() -> Any:
    """What botocore knows of services, which takes long to read; nothing of the machine's profiles and logins."""
    from botocore.session import Session

    nothing = (None, None, os.devnull, None)
    return Session({"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing})


class _Google(Storage):
    """Cloud Storage."""

    kind = "gs"

    def __init__(self, location: SplitResult, where: str, token: str, endpoint: str | None) -> None:
        super().__init__(location, where)
        from google.cloud import storage
        from google.oauth2.credentials import Credentials

        # Else the SDK asks for the bucket itself, in a thread of its own, with a right that these credentials lack.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        self._client = storage.Client(
            project="workbench",  # none is asked for by what is called here
            credentials=Credentials(token),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": endpoint or "https://storage.googleapis.com"},
        )
        self._bucket = self._client.bucket(location.netloc)

    def _put(self, key: str, contents: BinaryIO, size: int) -> None:
        self._bucket.blob(key).upload_from_file(contents, size=size, retry=None, timeout=SECONDS)

    def _read(self, key: str, into: Digest) -> None:
        self._bucket.blob(key).download_to_file(into, retry=None, timeout=SECONDS)

    def close(self) -> None:
        self._client.close()


class _Azure(Storage):
    """Data Lake Storage by the address of its blobs, which takes the same signature.

    https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-multi-protocol-access
    """

    kind = "abfss"

    def __init__(self, location: SplitResult, where: str, signature: str, endpoint: str | None) -> None:
        super().__init__(location, where)
        from azure.core.credentials import AzureSasCredential
        from azure.storage.blob import ContainerClient

        host = (location.hostname or "").replace(".dfs.", ".blob.", 1)
        self._client = ContainerClient(
            endpoint or f"https://{host}",
            location.username or "",
            credential=AzureSasCredential(signature),
            retry_total=0,
            connection_timeout=SECONDS,
            read_timeout=SECONDS,
        )

    def _put(self, key: str, contents: BinaryIO, size: int) -> None:
        self._client.upload_blob(key, contents, length=size, overwrite=True)

    def _read(self, key: str, into: Digest) -> None:
        for chunk in self._client.download_blob(key).chunks():
            into.write(chunk)

    def close(self) -> None:
        self._client.close()


SCHEMES = {
    "aws_temp_credentials": "s3",
    "r2_temp_credentials": "r2",
    "gcp_oauth_token": "gs",
    "azure_user_delegation_sas": "abfss",
}
EXTRAS = {"s3": "s3", "r2": "s3", "abfss": "azure"}


def open_storage(found: TemporaryCredentials, location: str, where: str, endpoint: str | None) -> Storage:
    """The store of a version.

    Args:
        found: what Unity Catalog gave.
        location: where the version's files lie: ``s3://…``, ``gs://…``, ``abfss://container@account.dfs…``, ``r2://…``.
        where: client, target and workspace, for messages.
        endpoint: another address of the store, from the client's configuration.

    Raises:
        TargetError: there is nothing here that speaks to such a store, or the credentials are for another.
    """
    parts, kind = urlsplit(location), found.WhichOneof("credentials")
    if kind is None or SCHEMES[kind] != parts.scheme:
        raise TargetError(
            f"Unity Catalog keeps files at '{parts.scheme}://', and gave {kind or 'no credentials'}", where=where
        )
    try:
        if parts.scheme == "gs":
            return _Google(parts, where, found.gcp_oauth_token.oauth_token, endpoint)
        if parts.scheme == "abfss":
            return _Azure(parts, where, found.azure_user_delegation_sas.sas_token, endpoint)
        return _S3(parts, where, getattr(found, kind), _encryption(found), endpoint)
    except ImportError as error:
        raise TargetError(
            f"what talks to {parts.scheme}:// is not installed",
            where=where,
            hint=f"pip install -c constraints.txt -e '.[{EXTRAS[parts.scheme]}]'",
        ) from error


def _encryption(found: TemporaryCredentials) -> dict[str, str]:
    """What a bucket that is encrypted on the server wants to be told."""
    details = found.encryption_details.sse_encryption_details
    names = details.DESCRIPTOR.fields_by_name["algorithm"].enum_type.values_by_number
    algorithm = names[details.algorithm].name
    if algorithm == "AWS_SSE_S3":
        return {"ServerSideEncryption": "AES256"}
    if algorithm == "AWS_SSE_KMS":
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": details.aws_kms_key_arn}
    return {}
