"""``schedule`` and ``deliver`` in a client.yml: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from workbench.clients.delivery import Delivery
from workbench.clients.schedule import Schedule

DELIVERY = TypeAdapter(Delivery)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cron": "0 6 * *"}, "does not have the five cron fields"),
        ({"cron": "0 25 * * *"}, "is not a cron expression: bad hour"),
        ({"cron": "0 6 30 2 *"}, "is not a cron expression: bad day-of-month"),
        ({"cron": "0 6 */20 * 1L"}, "never comes"),
        ({"cron": "@daily"}, "does not have the five cron fields"),
        ({"timezone": "Mars/Olympus"}, "is not an IANA time zone"),
        ({"timezone": "../../etc/passwd"}, "is not an IANA time zone"),
        ({"templates": []}, "at least 1 item"),
        ({"templates": ["../x"]}, "should match pattern"),
        ({"templates": ["model_card", "fleet_overview"]}, "'fleet_overview' names every client"),
        ({"parameters": {"drift": {"top": 3}}}, "'drift', which is not among the templates"),
        ({"formats": ["docx"]}, "'html' or 'pdf'"),
        ({"missed": "sometimes"}, "'last', 'all' or 'skip'"),
        ({"color": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_schedule_that_cannot_be(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Schedule(**{"cron": "0 6 * * *"} | changes)


MAIL = {"kind": "email", "host": "smtp.acme.example", "sender": "a@b.example", "to": ["c@d.example"]}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (MAIL | {"security": "none"}, "'smtp.acme.example' is not this machine"),
        (MAIL | {"username": "robot"}, "username and password_variable go together"),
        (MAIL | {"password": "hunter2"}, "Extra inputs are not permitted"),
        (MAIL | {"to": ["c@d.example\nBcc: all@d.example"]}, "should match pattern"),
        (MAIL | {"sender": "Reports <a@b.example>"}, "should match pattern"),
        (MAIL | {"to": []}, "at least 1 item"),
        ({"kind": "webhook", "url": "http://acme.example/in"}, "http:// is for this machine only"),
        ({"kind": "webhook", "url": "https://user:hunter2@acme.example/"}, "must not hold a user"),
        ({"kind": "webhook", "url": "https://acme.example/?token=hunter2"}, "must not hold a user, a query"),
        ({"kind": "webhook", "url": "file:///etc/passwd"}, "must begin with https://"),
        ({"kind": "webhook"}, "give one of url and url_variable"),
        ({"kind": "chat", "url_variable": "slack://A/B/C"}, "should match pattern"),
        ({"kind": "object_store", "url": "file:///etc"}, "should match pattern"),
        ({"kind": "object_store", "url": "s3://bucket/../other"}, "'.' or '..' among its parts"),
        ({"kind": "object_store", "url": "s3://bucket/x", "key_variable": "ACME__KEY"}, "go together"),
        ({"kind": "object_store", "url": "gs://bucket/x", "endpoint": "https://x.example"}, "are for s3:// only"),
        ({"kind": "pigeon"}, "does not match any of the expected tags"),
    ],
)
def test_a_delivery_that_cannot_be(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DELIVERY.validate_python(entry)


def test_loopback_may_do_without_encryption() -> None:
    DELIVERY.validate_python(MAIL | {"host": "127.0.0.1", "security": "none"})
    DELIVERY.validate_python({"kind": "webhook", "url": "http://[::1]:8080/in"})
