"""Delivery to a webhook: a JSON document that says what was made."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from workbench.clients.delivery import WebhookDelivery
from workbench.delivery.parcel import Parcel
from workbench.delivery.status import failure_of
from workbench.errors import ConfigurationError, Unreachable

__all__ = ["WebhookCourier"]

TIMEOUT_SECONDS = 30.0


class WebhookCourier:
    """Posts ``parcel.to_dict()`` as JSON.

    ``Idempotency-Key`` names the slot (draft-ietf-httpapi-idempotency-key-header), the same each time, so that the
    other side can tell a repetition from a second delivery. ``X-Workbench-Signature`` is ``sha256=`` and the
    hexadecimal HMAC-SHA256 of the body, if the client has a key for it.
    """

    may_repeat = True

    def __init__(self, delivery: WebhookDelivery, secrets: Mapping[str, str]) -> None:
        self._delivery, self._secrets = delivery, secrets
        self.recipients: tuple[str, ...] = (delivery.url or f"${delivery.url_variable}",)

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Post it; a redirect is not followed, since it could lead anywhere."""
        import requests

        where = f"client {parcel.client}, webhook {recipient}"
        url = self._delivery.url or self._address(where)
        body = json.dumps(parcel.to_dict(), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": parcel.key, "User-Agent": "workbench"}
        if self._delivery.key_variable:
            key = self._secrets[self._delivery.key_variable].encode()
            headers["X-Workbench-Signature"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        try:
            answer = requests.post(url, data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            # Without its cause: requests puts the whole address into its messages.
            raise Unreachable(f"the webhook does not answer ({type(error).__name__})", where=where) from None
        if not 200 <= answer.status_code < 300:
            raise failure_of(answer.status_code, answer.headers.get("Retry-After"), what="the webhook", where=where)
        return f"HTTP {answer.status_code}"

    def _address(self, where: str) -> str:
        variable = self._delivery.url_variable or ""
        url = self._secrets[variable]
        if urlsplit(url).scheme != "https":
            raise ConfigurationError(f"the address in {variable} does not begin with https://", where=where)
        return url
