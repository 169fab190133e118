"""Addresses that logins are sent to."""

from __future__ import annotations

from urllib.parse import urlsplit

from workbench.errors import ConfigurationError

__all__ = ["refuse_plain"]


def refuse_plain(address: str, client: str) -> None:
    """Refuse to send a login without TLS, except to this machine.

    Raises:
        ConfigurationError: the address is ``http://`` somewhere else.
    """
    parts = urlsplit(address)
    if parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost"}:
        return
    raise ConfigurationError(
        f"{parts.scheme or 'no'}://{parts.hostname} would be sent a login without encryption",
        where=f"client {client}",
        hint="write the address with https://",
    )
