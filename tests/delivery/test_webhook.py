"""Webhooks: what is posted, and what the answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from workbench.clients.delivery import WebhookDelivery
from workbench.delivery.webhook import WebhookCourier
from workbench.errors import ConfigurationError, DeliveryError, Unreachable
from workbench.retrying import seconds_of


def courier(http: Any, secrets: Any, **environ: str) -> WebhookCourier:
    delivery = WebhookDelivery(kind="webhook", url=f"{http.url}/in", key_variable="ACME__KEY")
    return WebhookCourier(delivery, secrets(ACME__KEY="canary", **environ))


def test_what_is_posted(http: Any, parcel: Any, secrets: Any) -> None:
    assert courier(http, secrets).send(parcel, "x") == "HTTP 200"
    (request,) = http.got
    document = json.loads(request.body)
    assert (document["client"], document["digest"]) == ("acme", parcel.digest)
    assert [file["sha256"] for file in document["files"]] == [item.sha256 for item in parcel.items]
    assert str(parcel.folder) not in request.body.decode(), "no path of this machine"
    assert request.headers["Idempotency-Key"] == "acme/weekly/20261124T060000Z"
    wanted = hmac.new(b"canary", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Workbench-Signature"] == f"sha256={wanted}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass(http: Any, parcel: Any, secrets: Any, status: int) -> None:
    http.answers.append((status, {"Retry-After": "17"}))
    with pytest.raises(Unreachable, match=f"HTTP {status}") as caught:
        courier(http, secrets).send(parcel, "x")
    assert caught.value.retry_after == 17


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 410, 413])
def test_what_will_not(http: Any, parcel: Any, secrets: Any, status: int) -> None:
    http.answers.append((status, {"Location": f"{http.url}/elsewhere"}))
    with pytest.raises(DeliveryError, match=f"HTTP {status}"):
        courier(http, secrets).send(parcel, "x")
    assert [request.path for request in http.got] == ["/in"], "no redirect is followed"


def test_a_secret_address_is_not_in_the_error(parcel: Any, secrets: Any) -> None:
    delivery = WebhookDelivery(kind="webhook", url_variable="ACME__HOOK")
    made = WebhookCourier(delivery, secrets(ACME__HOOK="https://127.0.0.1:1/canary-token"))
    with pytest.raises(Unreachable, match="does not answer") as caught:
        made.send(parcel, made.recipients[0])
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    plain = WebhookCourier(delivery, secrets(ACME__HOOK="http://acme.example/canary"))
    with pytest.raises(ConfigurationError, match="does not begin with https") as refused:
        plain.send(parcel, "x")
    assert "canary" not in str(refused.value)


def test_another_clients_variable(http: Any, parcel: Any, secrets: Any) -> None:
    delivery = WebhookDelivery(kind="webhook", url=http.url, key_variable="OTHER__KEY")
    with pytest.raises(ConfigurationError, match="OTHER__KEY belongs to another client"):
        WebhookCourier(delivery, secrets(OTHER__KEY="canary")).send(parcel, "x")
    assert http.got == []


def test_retry_after_in_all_its_forms() -> None:
    assert seconds_of("3") == 3
    assert seconds_of("soon") is None
    assert seconds_of(None) is None
    later = seconds_of(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert later is not None
    assert 50 < later <= 60
    assert seconds_of("Sun, 06 Nov 1994 08:49:37 GMT") == 0
