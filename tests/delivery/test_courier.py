"""What all couriers owe: no second message where it would be one, and no wait without an end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.clients.delivery import (
    ChatDelivery,
    EmailDelivery,
    FolderDelivery,
    ObjectStoreDelivery,
    WebhookDelivery,
)
from workbench.delivery import courier_for, mail, webhook
from workbench.errors import Unreachable

SILENT_SECONDS = 3.0
"""After so long, the server that never answers hangs up, so that a test without an end has one."""

MAIL = EmailDelivery(
    kind="email",
    host="127.0.0.1",
    port=1,
    security="none",
    sender="reports@smithright.example",
    to=("ann@acme.example",),
)


@pytest.mark.parametrize(
    ("delivery", "may_repeat"),
    [
        (FolderDelivery(kind="folder", path="site"), True),
        (ObjectStoreDelivery(kind="object_store", url="s3://bucket/reports"), True),
        (WebhookDelivery(kind="webhook", url="https://acme.example/in"), True),
        (MAIL, False),
        (ChatDelivery(kind="chat", url_variable="ACME__SLACK"), False),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_message_to_people_is_never_repeated_by_itself(tmp_path: Path, delivery: Any, may_repeat: bool) -> None:
    """A person has two then; a folder, a store and a webhook with its key have one."""
    (folder := tmp_path / "conf/clients/acme").mkdir(parents=True)
    (folder / "client.yml").write_text("id: acme")
    made = courier_for(delivery, project=tmp_path, client="acme", environ={})
    assert made.may_repeat is may_repeat


@pytest.fixture
def silent() -> Iterator[Any]:
    """A server that takes a connection, says nothing, and at last hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                over.wait(SILENT_SECONDS)

        over = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield SimpleNamespace(port=listener.getsockname()[1])
        over.set()
        thread.join()


def test_a_webhook_that_does_not_answer_is_given_up(
    silent: Any, parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.2)
    delivery = WebhookDelivery(kind="webhook", url=f"http://127.0.0.1:{silent.port}/in")
    with pytest.raises(Unreachable, match=r"does not answer \(ReadTimeout\)"):
        webhook.WebhookCourier(delivery, secrets()).send(parcel, "x")


def test_a_mail_server_that_does_not_answer_is_given_up(
    silent: Any, parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    made = mail.MailCourier(MAIL.model_copy(update={"port": silent.port}), secrets())
    began = time.monotonic()
    with pytest.raises(Unreachable, match="cannot be used now"):
        made.send(parcel, "ann@acme.example")
    assert time.monotonic() - began < SILENT_SECONDS / 2
