"""Delivery to Slack, Teams and the other services that apprise knows."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.clients.delivery import ChatDelivery
from workbench.delivery.parcel import Parcel
from workbench.delivery.status import failure_of
from workbench.errors import ConfigurationError, DeliveryError, DeliveryInDoubt, Unreachable

if TYPE_CHECKING:
    from apprise import AppriseResult

__all__ = ["ChatCourier"]

# What urllib3 says when no byte was sent; apprise tells it to its log alone.
NEVER_SENT = ("Failed to establish a new connection", "NameResolutionError", "ConnectTimeoutError", "SSLError")

# How every plugin of apprise ends its line on a refused request; the status is told nowhere else.
STATUS = re.compile(r"error=(\d{3})\b")


class ChatCourier:
    """Sends a parcel's summary as a message, with the files if the service takes them and the client wants it."""

    may_repeat = False

    def __init__(self, delivery: ChatDelivery, secrets: Mapping[str, str]) -> None:
        self._delivery, self._secrets = delivery, secrets
        self.recipients: tuple[str, ...] = (f"${delivery.url_variable}",)

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Send it; returns the name of the service."""
        import apprise

        where = f"client {parcel.client}, chat {recipient}"
        address = self._secrets[self._delivery.url_variable]
        # No file, no plugin from disk, no state between two runs: one address, one message.
        asset = apprise.AppriseAsset(
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            secure_logging=True,
            # Nor apprise's own picture, which a reader's program would fetch from elsewhere.
            image_url_mask=None,
            image_url_logo=None,
        )
        with warnings.catch_warnings():
            # Some plugins import imghdr, for which apprise brings a replacement where Python has none any more.
            warnings.filterwarnings("ignore", message="'imghdr' is deprecated", category=DeprecationWarning)
            service = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
        if service is None:
            raise ConfigurationError(
                f"apprise knows no service for the address in {self._delivery.url_variable}",
                where=where,
                hint="write it as github.com/caronc/apprise/wiki says, for example slack://TokenA/TokenB/TokenC",
            )
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        files = [str(parcel.folder / item.name) for item in parcel.items] if self._delivery.attach else []
        with apprise.LogCapture(level=logging.DEBUG) as spoken:  # type: ignore[no-untyped-call]
            result = sender.notify(
                title=parcel.subject,
                body="\n\n".join([*parcel.summary, parcel.contact]),
                body_format=apprise.NotifyFormat.TEXT,
                attach=files or None,
            )
            said = spoken.getvalue()
        if not result:
            raise _failure(result, said, str(service.service_name), where)
        return str(service.service_name)


def _failure(result: AppriseResult, said: str, service: str, where: str) -> DeliveryError | Unreachable:
    # The log is searched and never shown: it holds the address.
    found = STATUS.search(said)
    if found:
        return failure_of(int(found[1]), None, what=service, where=where)
    if any(sign in said for sign in NEVER_SENT):
        return Unreachable(f"{service} cannot be reached", where=where)
    return DeliveryInDoubt(f"{service} did not say if it took the message", where=where)
