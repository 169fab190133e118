"""The data plane: OpenAI's SDK for one account, at OpenAI, Azure OpenAI, or whoever speaks the same.

Azure's ``v1`` is OpenAI's own client with another address; its dated versions have a client of their own
(https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle). The SDK's own retries are off:
:class:`~workbench.errors.Transient` alone decides, and ``Retry-After`` is honoured, as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.clients.targets import AzureOpenAITarget
from workbench.secrets import ClientSecrets

if TYPE_CHECKING:
    from openai import OpenAI

__all__ = ["AUTHORITY", "Account", "azure_account", "open_api"]

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True)
class Account:
    """An account, and how it lets in.

    Attributes:
        service: whose it is.
        endpoint: the address.
        key: name of the secret that is the key.
        login: by the key, or by Microsoft Entra ID.
        api_version: of Azure: ``v1``, or a date.
        authority: of Entra ID.
        timeout_seconds: for one answer.
    """

    service: Literal["openai", "azure_openai"]
    endpoint: str
    key: str
    login: Literal["key", "entra"] = "key"
    api_version: str = "v1"
    authority: str = AUTHORITY
    timeout_seconds: float = 120.0

    @property
    def is_dated(self) -> bool:
        """Whether it speaks a dated version of Azure's API, which knows less than OpenAI's own."""
        return self.api_version != "v1"


def azure_account(settings: AzureOpenAITarget, timeout_seconds: float = 120.0) -> Account:
    """The account that a target names."""
    endpoint = settings.address or f"https://{settings.account}.openai.azure.com"
    return Account(
        "azure_openai",
        endpoint.rstrip("/"),
        settings.key,
        settings.login,
        settings.api_version,
        (settings.authority or AUTHORITY).rstrip("/"),
        timeout_seconds,
    )


def open_api(account: Account, secrets: ClientSecrets) -> OpenAI:
    """The SDK's client; the key is fetched now, a token when the first request is made.

    Raises:
        SecretMissing: the client has no such secret.
    """
    from openai import AzureOpenAI, OpenAI

    common: dict[str, Any] = {
        "max_retries": 0,
        "timeout": account.timeout_seconds,
        "default_headers": {"X-Client-Label": secrets.client},
    }
    login = _login(account, secrets)
    if account.service == "openai":
        return OpenAI(api_key=login, base_url=account.endpoint, **common)
    if not account.is_dated:
        return OpenAI(api_key=login, base_url=f"{account.endpoint}/openai/v1/", **common)
    named: dict[str, Any] = {"api_key": login} if isinstance(login, str) else {"azure_ad_token_provider": login}
    return AzureOpenAI(azure_endpoint=account.endpoint, api_version=account.api_version, **named, **common)


def _login(account: Account, secrets: ClientSecrets) -> str | Callable[[], str]:
    if account.login == "key":
        return secrets[account.key]
    from azure.identity import get_bearer_token_provider

    from workbench.targets.azure_openai.entra import credential

    provider: Callable[[], str] = get_bearer_token_provider(credential(secrets, account.authority), SCOPE)
    return provider
