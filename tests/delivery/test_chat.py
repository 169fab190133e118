"""Chat services by apprise, with an HTTP server in the place of the service."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import jsonschema
import pytest

from workbench.clients.delivery import ChatDelivery
from workbench.delivery.chat import ChatCourier
from workbench.errors import ConfigurationError, DeliveryError, DeliveryInDoubt, Unreachable

DELIVERY = ChatDelivery(kind="chat", url_variable="ACME__CHAT")


def courier(secrets: Any, address: str, delivery: ChatDelivery = DELIVERY) -> ChatCourier:
    return ChatCourier(delivery, secrets(ACME__CHAT=address))


def test_a_slack_webhook(http: Any, parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"{http.url}/services")
    address = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#reports"
    assert courier(secrets, address).send(parcel, "x") == "Slack"
    (request,) = http.got
    assert request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    text = json.dumps(json.loads(request.body), ensure_ascii=False)
    assert "Model card" in text
    assert "Read on." in text


TEAMS = {
    "type": "object",
    "required": ["type", "attachments"],
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "additionalProperties": False,
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": {
                        "type": "object",
                        "required": ["type", "version", "body"],
                        "properties": {
                            "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
                            "type": {"const": "AdaptiveCard"},
                            "version": {"pattern": r"^1\.[0-5]$"},
                            "body": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "required": ["type", "text"],
                                    "properties": {
                                        "type": {"const": "TextBlock"},
                                        "text": {"type": "string", "minLength": 1},
                                        "style": {"enum": ["default", "heading", "columnHeader"]},
                                        "weight": {"enum": ["default", "lighter", "bolder", "Default", "Bolder"]},
                                        "size": {
                                            "enum": ["default", "small", "medium", "large", "extraLarge", "Large"]
                                        },
                                        "wrap": {"type": "boolean"},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What a workflow of Teams takes: a message with Adaptive Cards, of which Teams shows version 1.5 and before.

https://learn.microsoft.com/connectors/teams/?tabs=text1#microsoft-teams-webhook ·
https://adaptivecards.io/explorer/AdaptiveCard.html · https://adaptivecards.io/explorer/TextBlock.html
"""


def test_a_workflow_of_teams(https: Any, parcel: Any, secrets: Any) -> None:
    address = f"workflows://127.0.0.1:{https.port}/643e69f83c8944438d68119179a10a64/canarySignature_1/"
    https.answers.append((202, {}))  # a flow says "accepted"
    assert "MSTeams" in courier(secrets, address).send(parcel, "x")
    (request,) = https.got
    path, _, query = request.path.partition("?")
    assert path == "/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"
    assert parse_qs(query)["sig"] == ["canarySignature_1"]
    assert request.headers["Content-Type"] == "application/json"
    message = json.loads(request.body)
    jsonschema.validate(message, TEAMS)
    said = "\n".join(block["text"] for block in message["attachments"][0]["content"]["body"])
    for part in (parcel.subject, *parcel.summary, parcel.owner):
        assert part in said.replace("\\", ""), "the text is Markdown, so its signs are escaped"
    assert "http" not in said, "a picture from elsewhere would tell who reads"


def test_what_a_report_says_is_never_a_link_or_a_style(https: Any, parcel: Any, secrets: Any) -> None:
    """Teams reads Markdown; a value out of a client's data is none."""
    address = f"workflows://127.0.0.1:{https.port}/{'a' * 32}/canarySignature_1/"
    courier(secrets, address).send(replace(parcel, summary=("[pay](https://evil.example) *now* _x_",)), "x")
    body = json.loads(https.got[0].body)["attachments"][0]["content"]["body"]
    said = "\n".join(block["text"] for block in body)
    assert "[pay](" not in said
    assert "*now*" not in said


def test_no_service_shows_a_picture_from_elsewhere_keeps_a_state_or_logs_the_address(
    http: Any, parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    seen: list[Any] = []
    real = apprise.Apprise.instantiate
    monkeypatch.setattr(
        apprise.Apprise, "instantiate", lambda *args, asset, **kw: seen.append(asset) or real(*args, asset=asset, **kw)
    )
    courier(secrets, f"json://127.0.0.1:{http.port}/x").send(parcel, "x")
    (asset,) = seen
    for kind in apprise.NotifyType:
        assert asset.image_url(kind, "128x128") is None
        assert asset.image_url(kind, "128x128", logo=True) is None
    assert asset.storage_mode == apprise.PersistentStoreMode.MEMORY
    assert asset.secure_logging


@pytest.mark.parametrize(("status", "error"), [(429, Unreachable), (502, Unreachable), (401, DeliveryError)])
def test_a_workflow_of_teams_that_refuses(https: Any, parcel: Any, secrets: Any, status: int, error: Any) -> None:
    https.answers.append((status, {}))
    with pytest.raises(error, match=f"HTTP {status}") as caught:
        courier(secrets, f"workflows://127.0.0.1:{https.port}/{'a' * 32}/canarySignature_1/").send(parcel, "x")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass(http: Any, parcel: Any, secrets: Any, status: int) -> None:
    http.answers.append((status, {}))
    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        courier(secrets, f"json://127.0.0.1:{http.port}/canary").send(parcel, "x")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_what_will_not(http: Any, parcel: Any, secrets: Any, status: int) -> None:
    http.answers.append((status, {}))
    with pytest.raises(DeliveryError, match=f"HTTP {status}") as caught:
        courier(secrets, f"json://127.0.0.1:{http.port}/canary").send(parcel, "x")
    assert "canary" not in str(caught.value)


def test_nobody_listens(parcel: Any, secrets: Any) -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        courier(secrets, "json://127.0.0.1:1/").send(parcel, "x")


def test_a_service_that_hangs_up_leaves_a_doubt(http: Any, parcel: Any, secrets: Any) -> None:
    http.answers.append((0, {}))
    with pytest.raises(DeliveryInDoubt, match="did not say if it took the message"):
        courier(secrets, f"json://127.0.0.1:{http.port}/").send(parcel, "x")


def test_files_go_along_where_the_client_wants_it(http: Any, parcel: Any, secrets: Any) -> None:
    with_files = ChatDelivery(kind="chat", url_variable="ACME__CHAT", attach=True)
    courier(secrets, f"json://127.0.0.1:{http.port}/", with_files).send(parcel, "x")
    courier(secrets, f"json://127.0.0.1:{http.port}/").send(parcel, "x")
    names = [[one["filename"] for one in json.loads(request.body)["attachments"]] for request in http.got]
    assert names == [["model_card.html", "model_card.pdf"], []]


@pytest.mark.parametrize("address", ["canary", "nonsense://canary", "slack://canary"])
def test_an_address_of_no_service(parcel: Any, secrets: Any, address: str) -> None:
    with pytest.raises(ConfigurationError, match="apprise knows no service for the address in ACME__CHAT") as caught:
        courier(secrets, address).send(parcel, "x")
    assert "canary" not in str(caught.value)
