"""Delivery by e-mail: a message of its own to each recipient, over TLS."""

from __future__ import annotations

import hashlib
import html
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from workbench.clients.delivery import EmailDelivery
from workbench.delivery.parcel import Parcel
from workbench.errors import DeliveryError, DeliveryInDoubt, Unreachable
from workbench.reports.locale import language_of, say

__all__ = ["MailCourier", "message_for"]

TIMEOUT_SECONDS = 60.0


class MailCourier:
    """Sends a parcel by SMTP.

    The Message-ID is made of the slot and the recipient, so a message that a person sends again by hand is seen as
    the same one by mail systems that look; most do not, so :attr:`may_repeat` is false.
    """

    may_repeat = False

    def __init__(self, delivery: EmailDelivery, secrets: Mapping[str, str]) -> None:
        self._delivery, self._secrets = delivery, secrets
        self.recipients: tuple[str, ...] = delivery.to

    def send(self, parcel: Parcel, recipient: str) -> str:
        """Send it; returns the Message-ID."""
        where = f"client {parcel.client}, mail to {recipient} by {self._delivery.host}:{self._delivery.port}"
        message = message_for(parcel, self._delivery, recipient)
        password = self._secrets[variable] if (variable := self._delivery.password_variable) else ""
        is_on_its_way = False
        try:
            server = self._connected()
            with closing(server):
                if self._delivery.username:
                    server.login(self._delivery.username, password)
                is_on_its_way = True
                server.send_message(message)
                # The message is accepted by now; a server that hangs up instead of saying goodbye changes nothing.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(
                f"the mail server refused the login ({error.smtp_code})",
                where=where,
                hint=f"see the user, and the variable {self._delivery.password_variable}",
            ) from None  # its text can hold what was sent
        except OSError as error:  # smtplib's own errors are OSErrors too
            is_reply = isinstance(error, smtplib.SMTPException) and not isinstance(
                error, smtplib.SMTPServerDisconnected
            )
            # Without a reply, the server may have taken the message or not.
            raise (_in_doubt(where) if is_on_its_way and not is_reply else _translated(error, where)) from error
        return str(message["Message-ID"])

    def _connected(self) -> smtplib.SMTP:
        host, port = self._delivery.host, self._delivery.port
        context = ssl.create_default_context()
        if self._delivery.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
        if self._delivery.security == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def message_for(parcel: Parcel, delivery: EmailDelivery, recipient: str) -> EmailMessage:
    """The message: plain text, the same as HTML, and the reports as attachments."""
    message = EmailMessage()
    local, _, domain = delivery.sender.partition("@")
    message["From"] = Address(parcel.owner if "@" not in parcel.owner else "", local, domain)
    message["To"] = recipient
    message["Subject"] = f"{parcel.subject} ({parcel.day})"
    message["Date"] = format_datetime(parcel.due)
    message["Message-ID"] = f"<{parcel.key.replace('/', '.')}.{_short(recipient)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies to it
    titles = ", ".join(dict.fromkeys(item.title for item in parcel.items))
    closing = (
        say("Attached: {titles}.", titles=titles, in_locale=parcel.locale)
        if delivery.attach
        else say("Made: {titles}.", titles=titles, in_locale=parcel.locale)
    )
    message.set_content("\n\n".join([parcel.title, *parcel.summary, closing, parcel.contact]) + "\n")
    message.add_alternative(_as_html(parcel, closing), subtype="html")
    if delivery.attach:
        for item in parcel.items:
            kind, _, subtype = item.media.partition("/")
            content = (parcel.folder / item.name).read_bytes()
            name = f"{parcel.client}_{item.name}"
            charset = {"charset": "utf-8"} if kind == "text" else {}
            message.add_attachment(content, maintype=kind, subtype=subtype, filename=name, params=charset)
    message["Content-Language"] = language_of(parcel.locale)  # last: what begins with Content- goes down into parts
    return message


def _short(recipient: str) -> str:
    """Tells recipients apart, in few characters and without naming them."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:10]


def _as_html(parcel: Parcel, closing: str) -> str:
    """Few tags and inline styles: all that mail programs agree on."""
    lines = "".join(f'<p style="margin:0 0 12px">{html.escape(line)}</p>' for line in parcel.summary)
    # A mail program may have dark paper: whoever says the ink says the paper, too.
    style = "font:16px/1.5 system-ui,sans-serif;max-width:560px;padding:8px;color:#1b1f24;background:#ffffff"
    return (
        f'<div lang="{language_of(parcel.locale)}" style="{style}">'
        f'<h1 style="font-size:20px;margin:0 0 16px">{html.escape(parcel.title)}</h1>{lines}'
        f'<p style="margin:16px 0 0;color:#57606a">{html.escape(closing)}<br>'
        f"{html.escape(parcel.contact)}</p></div>"
    )


def _in_doubt(where: str) -> DeliveryInDoubt:
    return DeliveryInDoubt("the mail server went away in the middle of the message", where=where)


def _translated(error: Exception, where: str) -> DeliveryError | Unreachable:
    """SMTP's own word on another attempt: replies 4yz may pass, 5yz will not (RFC 5321, section 4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((code for code, _ in error.recipients.values()), default=0)
    else:
        code = int(getattr(error, "smtp_code", 0) or 0)
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryError("the mail server's certificate is not valid", where=where)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError("the mail server offers no STARTTLS, or no login", where=where)
    if code >= 500:
        return DeliveryError(f"the mail server refused the message ({code})", where=where)
    return Unreachable(f"the mail server cannot be used now ({code or type(error).__name__})", where=where)
