"""Tokens of Microsoft Entra ID for a client: by its own service principal, or by what the machine is trusted for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workbench.errors import ConfigurationError, SecretMissing
from workbench.secrets import ClientSecrets

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

__all__ = ["credential"]

# What azure-identity trusts without asking; any other authority is a private cloud's.
# https://learn.microsoft.com/python/api/azure-identity/azure.identity.clientsecretcredential
_KNOWN = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn"})
_SECRET = "AZURE_CLIENT_SECRET"  # noqa: S105 - the name of one


def credential(secrets: ClientSecrets, authority: str) -> TokenCredential:
    """A new credential; it has no token yet.

    Args:
        secrets: the client's. With AZURE_CLIENT_SECRET, AZURE_TENANT_ID and AZURE_CLIENT_ID must be there too; without,
            azure-identity's own order counts: workload identity, managed identity, `az login`.
        authority: who gives tokens.

    Raises:
        SecretMissing: a part of the three is missing.
    """
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    try:
        secret = secrets[_SECRET]
    except SecretMissing:
        return DefaultAzureCredential(authority=authority, exclude_environment_credential=True)
    try:
        return ClientSecretCredential(
            secrets["AZURE_TENANT_ID"],
            secrets["AZURE_CLIENT_ID"],
            secret,
            authority=authority,
            disable_instance_discovery=urlsplit(authority).hostname not in _KNOWN,
            retry_total=0,
        )
    except ValueError:
        raise ConfigurationError(
            "the tenant's id or the authority is no valid one", where=f"client {secrets.client}, AZURE_TENANT_ID"
        ) from None
