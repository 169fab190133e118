"""Who calls: the service account of the client's own secrets, never whoever this machine is logged in as."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError
from workbench.targets.addresses import refuse_plain

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

__all__ = ["SCOPE", "credentials_of"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PATIENCE = 60.0
"""Seconds. A token that is younger, was asked for because another was refused, and is refused too, is not renewed."""


def credentials_of(secrets: Mapping[str, str], name: str, *, client: str) -> Credentials:
    """Credentials from the client's secret of that name.

    A token that is refused is renewed once; if the new one is refused as well, the account has lost its right.

    Args:
        secrets: the client's.
        name: of the secret that holds the key file of a service account (JSON).
        client: whose, for messages.

    Raises:
        SecretMissing: there is no such secret.
        ConfigurationError: it holds no key of a service account.
    """
    from google.auth.credentials import Credentials as Base
    from google.auth.exceptions import RefreshError
    from google.oauth2 import service_account

    try:
        info = json.loads(secrets[name])
        refuse_plain(str(info["token_uri"]), client)
        inner = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, ConfigurationError):
            raise
        # Parsers quote what they read, so the cause is left out.
        raise ConfigurationError(
            f"secret {name} holds no key of a service account",
            where=f"client {client}",
            hint="take the JSON file of `gcloud iam service-accounts keys create`; docs/targets/vertex.md says how",
        ) from None

    class Once(Base):
        """A service account's credentials whose token is renewed once after it was refused."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._forced = float("-inf")

        def refresh(self, request: Any) -> None:
            if self.valid:
                now = time.monotonic()
                if now - self._forced < PATIENCE:
                    raise RefreshError(  # type: ignore[no-untyped-call]
                        "a token that was just renewed is refused", retryable=False
                    )
                self._forced = now
            inner.refresh(request)
            self.token, self.expiry = inner.token, inner.expiry

    return Once()
