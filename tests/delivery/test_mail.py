"""E-mail, by a real SMTP server on loopback, with TLS and a login."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from workbench.clients.delivery import EmailDelivery
from workbench.delivery.mail import MailCourier, message_for
from workbench.errors import ConfigurationError, DeliveryError, DeliveryInDoubt, Unreachable

CANARY = "canary-hunter2"


class Mailbox:
    """Keeps messages; ``reply`` is what it says to a recipient or to a message, if not 250."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.refusals: dict[str, str] = {}
        self.on_data = "250 OK"
        self.port = 0

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.on_data == "gone":
            server.transport.abort()
            return "250 OK"
        if self.on_data.startswith("250"):
            self.messages.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return self.on_data


@pytest.fixture
def server(certificate: ssl.SSLContext) -> Any:
    """A server that wants STARTTLS, then a login."""
    box = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == CANARY.encode(), handled=False)

    class Server(Controller):
        def factory(self) -> SMTP:
            return SMTP(
                self.handler, tls_context=certificate, require_starttls=True, auth_required=True,
                authenticator=authenticate, hostname="loopback",
            )  # fmt: skip

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    controller = Server(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def delivery(box: Any, **changes: Any) -> EmailDelivery:
    fields = {"kind": "email", "host": "127.0.0.1", "port": box.port, "sender": "reports@smithright.example",
              "to": ["ann@acme.example"], "username": "robot", "password_variable": "ACME__SMTP"}  # fmt: skip
    return EmailDelivery(**fields | changes)


def send(box: Any, parcel: Any, secrets: Any, to: str = "ann@acme.example", **changes: Any) -> str:
    return MailCourier(delivery(box, **changes), secrets(ACME__SMTP=CANARY)).send(parcel, to)


def test_a_message_with_its_reports(server: Any, parcel: Any, secrets: Any) -> None:
    identifier = send(server, parcel, secrets)
    recipients, message = server.messages[0]
    assert recipients == ["ann@acme.example"]
    assert message["To"] == "ann@acme.example"
    assert message["From"] == "reports@smithright.example"
    assert message["Subject"] == "Acme <Ltd>: Model card (24 November 2026)"
    assert message["Message-ID"].strip() == identifier
    assert identifier.startswith("<acme.weekly.20261124T060000Z.")
    assert identifier == send(server, parcel, secrets), "the same each time"
    assert identifier != send(server, parcel, secrets, to="bob@acme.example")
    assert "ann" not in identifier
    assert message["Auto-Submitted"] == "auto-generated"
    assert "All is <well>." in message.get_body(("plain",)).get_content()
    html = message.get_body(("html",)).get_content()
    assert "<h1" in html
    assert "Acme &lt;Ltd&gt;" in html
    assert "All is &lt;well&gt;." in html
    attached = {part.get_filename(): part for part in message.iter_attachments()}
    assert attached["acme_model_card.html"].get_content().rstrip() == (parcel.folder / "model_card.html").read_text()
    assert attached["acme_model_card.pdf"].get_content() == (parcel.folder / "model_card.pdf").read_bytes()


def test_whatever_a_message_says_is_text(parcel: Any) -> None:
    """Titles and owners are what a client wrote."""
    said = replace(parcel, owner="<b>Ann</b>", items=(replace(parcel.items[0], title="<i>Card</i>"),))
    box = SimpleNamespace(port=25)
    html = message_for(said, delivery(box), "ann@acme.example").get_body(("html",)).get_content()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;Ann" in html
    assert "&lt;i&gt;Card" in html


def test_without_attachments(server: Any, parcel: Any, secrets: Any) -> None:
    send(server, parcel, secrets, attach=False)
    assert list(server.messages[0][1].iter_attachments()) == []


def test_a_wrong_password_is_said_without_the_password(server: Any, parcel: Any, secrets: Any) -> None:
    courier = MailCourier(delivery(server), secrets(ACME__SMTP="canary-wrong"))
    with pytest.raises(DeliveryError, match=r"refused the login \(535\).*ACME__SMTP") as caught:
        courier.send(parcel, "ann@acme.example")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert server.messages == []


def test_a_variable_that_is_not_set(server: Any, parcel: Any, secrets: Any) -> None:
    with pytest.raises(ConfigurationError, match="there is no secret SMTP .tried: environment variable ACME__SMTP"):
        MailCourier(delivery(server), secrets()).send(parcel, "ann@acme.example")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("550 no such mailbox", DeliveryError), ("450 mailbox busy", Unreachable), ("452 full", Unreachable)],
)
def test_the_server_says_if_another_attempt_may_pass(
    server: Any, parcel: Any, secrets: Any, reply: str, kind: type[Exception]
) -> None:
    server.refusals["ann@acme.example"] = reply
    with pytest.raises(kind, match=reply[:3]):
        send(server, parcel, secrets)


@pytest.mark.parametrize(("reply", "kind"), [("554 spam", DeliveryError), ("451 greylisted", Unreachable)])
def test_so_it_does_after_the_message(
    server: Any, parcel: Any, secrets: Any, reply: str, kind: type[Exception]
) -> None:
    server.on_data = reply
    with pytest.raises(kind, match=reply[:3]):
        send(server, parcel, secrets)


def test_a_server_that_goes_away_in_the_middle_leaves_a_doubt(server: Any, parcel: Any, secrets: Any) -> None:
    server.on_data = "gone"
    with pytest.raises(DeliveryInDoubt, match="went away in the middle of the message"):
        send(server, parcel, secrets)


def test_nobody_listens(parcel: Any, secrets: Any) -> None:
    from types import SimpleNamespace

    with pytest.raises(Unreachable, match="cannot be used now"):
        send(SimpleNamespace(port=1), parcel, secrets)


def test_a_certificate_that_nobody_vouches_for(
    server: Any, parcel: Any, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DeliveryError, match="certificate is not valid"):
        send(server, parcel, secrets)
    assert server.messages == []


def test_a_server_without_tls_gets_neither_password_nor_message(parcel: Any, secrets: Any) -> None:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        with pytest.raises(DeliveryError, match="offers no STARTTLS"):
            send(box, parcel, secrets)
    finally:
        controller.stop()
    assert box.messages == []
