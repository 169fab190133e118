"""How a process shows Vault which client it works for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import SecretError, SecretMissing, Unreachable
from workbench.secrets.config import Auth, of_client
from workbench.secrets.redaction.known import remember
from workbench.secrets.vault.http import Refused

__all__ = ["Token", "log_in"]

METADATA = "metadata.google.internal"
"""Google's metadata server, unless GCE_METADATA_HOST names another (google-auth reads the same variable)."""


@dataclass(frozen=True, repr=False)
class Token:
    """What a login gave; the value is in hvac's client.

    Attributes:
        seconds: how long it lives; 0 for ever.
        is_renewable: whether it can be made to live longer.
        is_own: whether this process got it by logging in, so that it may log in again, and gives it back.
    """

    seconds: float
    is_renewable: bool
    is_own: bool


def log_in(vault: Any, auth: Auth, client: str, environ: Mapping[str, str]) -> Token:
    """Give hvac's client a token.

    Args:
        vault: an ``hvac.Client``.
        auth: the method.
        client: whose secrets are wanted.
        environ: where a client's token, or the two ids of its AppRole, are.

    Raises:
        SecretMissing: what the method needs is not there.
        SecretError: Vault does not take it.
        Unreachable: Vault, or the metadata server, does not answer.
    """
    vault.token = ""
    try:
        if auth.method == "token":
            vault.token = _variable(client, "VAULT_TOKEN", environ)
            remember(f"client {client}'s token of Vault", vault.token)
            data = vault.auth.token.lookup_self()["data"]
            return Token(float(data.get("ttl") or 0), bool(data.get("renewable")), is_own=False)
        answer = _METHODS[auth.method](vault, auth, client, environ)["auth"]
    except Refused as error:
        # Vault says 400 for what it does not know and 403 for what has expired or is bound elsewhere.
        raise SecretError(
            f"Vault does not accept the login by {auth.method} (HTTP {error.status})",
            where=f"client {client}, {error.where}",
            hint=_HINTS[auth.method].format(CLIENT=client.upper()),
        ) from None
    remember(f"client {client}'s token of Vault", str(answer["client_token"]))
    return Token(float(answer.get("lease_duration") or 0), bool(answer.get("renewable")), is_own=True)


def _by_approle(vault: Any, auth: Auth, client: str, environ: Mapping[str, str]) -> Any:
    return vault.auth.approle.login(
        role_id=_variable(client, "VAULT_ROLE_ID", environ),
        secret_id=_variable(client, "VAULT_SECRET_ID", environ),
        mount_point=auth.mount or "approle",
    )


def _by_kubernetes(vault: Any, auth: Auth, client: str, environ: Mapping[str, str]) -> Any:
    try:
        # Read anew each time: Kubernetes replaces it before it expires.
        jwt = Path(auth.jwt).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SecretMissing(
            "the service account's token cannot be read",
            where=f"client {client}, {auth.jwt}",
            hint="run in a pod with a service account, or name its file in `auth.jwt`",
        ) from None
    return vault.auth.kubernetes.login(
        role=of_client(auth.role, client), jwt=jwt, mount_point=auth.mount or "kubernetes"
    )


def _by_gcp(vault: Any, auth: Auth, client: str, environ: Mapping[str, str]) -> Any:
    role = of_client(auth.role, client)
    return vault.auth.gcp.login(role=role, jwt=_identity(role, client, environ), mount_point=auth.mount or "gcp")


_METHODS: dict[str, Callable[[Any, Auth, str, Mapping[str, str]], Any]] = {
    "approle": _by_approle,
    "kubernetes": _by_kubernetes,
    "gcp": _by_gcp,
}

_HINTS = {
    "token": "{CLIENT}__VAULT_TOKEN has expired or was revoked; set a new one",
    "approle": "see {CLIENT}__VAULT_ROLE_ID and {CLIENT}__VAULT_SECRET_ID; docs/vault.md makes new ones",
    "kubernetes": "see which service accounts the role is bound to",
    "gcp": "see which service accounts the role is bound to",
}


def _identity(role: str, client: str, environ: Mapping[str, str]) -> str:
    """The machine's identity as a signed token, from Google's metadata server."""
    import requests

    host = environ.get("GCE_METADATA_HOST", METADATA)
    try:
        answer = requests.get(
            f"http://{host}/computeMetadata/v1/instance/service-accounts/default/identity",
            params={"audience": f"http://vault/{role}", "format": "full"},
            headers={"Metadata-Flavor": "Google"},
            timeout=10,
            allow_redirects=False,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise Unreachable(
            f"Google's metadata server does not answer ({type(error).__name__})",
            where=f"client {client}, {host}",
            hint="`method: gcp` is for machines of Google's cloud",
        ) from None
    return answer.text.strip()


def _variable(client: str, name: str, environ: Mapping[str, str]) -> str:
    variable = f"{client.upper()}__{name}"
    value = environ.get(variable, "").strip()
    if not value:
        raise SecretMissing(
            f"the environment variable {variable} is not set",
            where=f"client {client}, secrets.yml",
            hint=f"set {variable}; docs/vault.md says how it is made",
        )
    remember(f"environment variable {variable}", value)
    return value
