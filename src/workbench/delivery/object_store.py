"""Delivery to S3, Google Cloud Storage and Azure, by fsspec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from workbench.clients.delivery import ObjectStoreDelivery
from workbench.delivery.parcel import Parcel
from workbench.errors import ConfigurationError, DeliveryError, Unreachable

__all__ = ["ObjectStoreCourier"]

EXTRAS = {"s3": "s3", "gs": "gcs", "abfs": "azure"}


class ObjectStoreCourier:
    """Writes a parcel's files under ``<url>/<schedule>/<slot>/``; ``parcel.json`` last, so that it says "all is there".

    An object appears whole or not at all, and writing the same ones again changes nothing.
    """

    may_repeat = True

    def __init__(self, delivery: ObjectStoreDelivery, secrets: Mapping[str, str]) -> None:
        self._delivery, self._secrets = delivery, secrets
        self.recipients: tuple[str, ...] = (delivery.url,)

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Upload it."""
        where = f"client {parcel.client}, {recipient}"
        prefix = f"{recipient.rstrip('/')}/{parcel.schedule}/{parcel.slot}"
        store = self._open(where)
        try:
            for name in [*(item.name for item in parcel.items), "parcel.json"]:
                store.put_file(str(parcel.folder / name), f"{prefix}/{name}")
        except (FileNotFoundError, PermissionError) as error:
            raise DeliveryError(
                "the object store refused the file: no such bucket, or no right to write",
                where=where,
                hint="see if the bucket exists, and who may write there",
            ) from error
        except Exception as error:
            raise _translated(error, where) from error
        return prefix

    def _open(self, where: str) -> Any:
        import fsspec

        protocol = self._delivery.url.partition("://")[0]
        # gcsfs would ask over gRPC what kind of bucket it is, which needs a right that who only writes has not.
        os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        options: dict[str, Any] = {"skip_instance_cache": True}
        if protocol == "s3":
            # Buckets are listed by nobody: the right to write is enough.
            options |= {"client_kwargs": {"endpoint_url": self._delivery.endpoint}, "use_listings_cache": False}
        if self._delivery.key_variable and self._delivery.secret_variable:
            options |= {
                "key": self._secrets[self._delivery.key_variable],
                "secret": self._secrets[self._delivery.secret_variable],
            }
        try:
            return fsspec.filesystem(protocol, **options)
        except ImportError as error:
            raise ConfigurationError(
                f"what talks to {protocol}:// is not installed",
                where=where,
                hint=f"pip install -c constraints.txt -e '.[{EXTRAS[protocol]}]'",
            ) from error


def _translated(error: Exception, where: str) -> DeliveryError | Unreachable:
    """What the SDK's error says about another attempt: an HTTP status below 500 that is not 429 stays as it is."""
    status = _status(error)
    if 400 <= status < 500 and status not in {408, 429}:
        return DeliveryError(
            f"the object store refused the file (HTTP {status})",
            where=where,
            hint="see if the bucket exists, and who may write there",
        )
    return Unreachable(f"the object store cannot be used now ({type(error).__name__})", where=where)


def _status(error: BaseException | None) -> int:
    """The HTTP status of an error, or of what it came from, in the words of each SDK; 0 if none has one."""
    while error is not None:
        response = getattr(error, "response", None)
        found = (
            response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None,  # boto
            getattr(error, "status_code", None),  # azure.core
            getattr(error, "code", None),  # gcsfs
        )
        for status in found:
            if isinstance(status, int) or (isinstance(status, str) and status.isdecimal()):
                return int(status)
        error = error.__cause__ or error.__context__
    return 0
