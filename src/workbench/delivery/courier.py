"""One way to deliver, and which one a client's configuration asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from workbench.clients.delivery import ChatDelivery, Delivery, EmailDelivery, FolderDelivery, ObjectStoreDelivery
from workbench.delivery.parcel import Parcel
from workbench.secrets import secrets_of

__all__ = ["Courier", "courier_for"]


class Courier(Protocol):
    """Takes parcels to one place.

    Attributes:
        recipients: who gets one each; a receipt is kept for each.
        may_repeat: whether sending a parcel a second time changes nothing for the recipient. Where it does not, a
            parcel of which it is not known if it arrived is never sent again by itself.
    """

    recipients: tuple[str, ...]
    may_repeat: bool

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Deliver a parcel.

        Returns:
            Where it lies now, or what the other side called it; never a secret.

        Raises:
            DeliveryError: it was refused, and will be again.
            Unreachable: it may pass later.
            SecretMissing: a secret that the configuration names is not there.
        """
        ...


def courier_for(
    delivery: Delivery,
    *,
    project: Path,
    client: str,
    environ: Mapping[str, str] = os.environ,
) -> Courier:
    """The courier for one entry of a client's ``deliver``.

    Args:
        delivery: the entry.
        project: the project's folder.
        client: whose it is; its secrets are read when a parcel is sent.
        environ: where the operator names folders.
    """
    if isinstance(delivery, FolderDelivery):
        from workbench.delivery.folder import FolderCourier

        return FolderCourier(delivery, project=project, client=client, environ=environ)
    secrets = secrets_of(project, client)
    if isinstance(delivery, ObjectStoreDelivery):
        from workbench.delivery.object_store import ObjectStoreCourier

        return ObjectStoreCourier(delivery, secrets)
    if isinstance(delivery, EmailDelivery):
        from workbench.delivery.mail import MailCourier

        return MailCourier(delivery, secrets)
    if isinstance(delivery, ChatDelivery):
        from workbench.delivery.chat import ChatCourier

        return ChatCourier(delivery, secrets)
    from workbench.delivery.webhook import WebhookCourier

    return WebhookCourier(delivery, secrets)
