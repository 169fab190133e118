"""Where a client's language models are tuned when it is not on this machine: one account, and what it may cost.

No field holds a secret. ``key`` is the *name* of one; the client's own place of secrets has its value.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workbench.clients.delivery import is_loopback

__all__ = ["AzureAccount", "Hosted", "web_address"]

SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
OPENAI = "https://api.openai.com/v1"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def web_address(value: str) -> str:
    """An https:// address without a user, or http:// on this machine; without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("it must be an https:// address without user, query and fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http:// is for this machine only; write https://")
    return value.rstrip("/")


class AzureAccount(_Model):
    """The Azure resource, as Azure Resource Manager names it; what a tuned model is deployed by."""

    subscription: str = Field(pattern=r"^[0-9a-fA-F-]{36}$", description="The subscription's id.")
    resource_group: str = Field(pattern=r"^[A-Za-z0-9_.()-]{1,89}[A-Za-z0-9_()-]$", description="Its resource group.")
    account: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,63}$", description="The resource's name.")
    sku: Literal["Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier"] = Field(
        "Standard", description="Kind of deployment; it decides on price, region and latency."
    )
    capacity: int = Field(1, ge=1, le=10_000, description="Thousands of tokens a minute.")
    management: str = Field("https://management.azure.com", description="Another one in sovereign clouds.")
    authority: str = Field("https://login.microsoftonline.com", description="Who gives tokens; as `management`.")

    @field_validator("management", "authority")
    @classmethod
    def _safe(cls, value: str) -> str:
        if not web_address(value).startswith("https://"):
            raise ValueError("a token goes over https:// only")
        return value.rstrip("/")


class Hosted(_Model):
    """An account at OpenAI, at Azure OpenAI, or at a server that speaks OpenAI's API."""

    service: Literal["openai", "azure_openai"] = Field(description="Whose it is; `openai` for compatible servers too.")
    endpoint: str = Field(
        OPENAI, description="For azure_openai: https://<resource>.openai.azure.com. http:// on this machine only."
    )
    api_version: str = Field(
        "v1",
        pattern=r"^(v1|20\d\d-\d\d-\d\d(-preview)?)$",
        description="For azure_openai: v1, or a dated version of its API.",
    )
    login: Literal["key", "entra"] = Field(
        "key",
        description="`entra`: tokens of Microsoft Entra ID, for the secrets AZURE_TENANT_ID, AZURE_CLIENT_ID and "
        "AZURE_CLIENT_SECRET, or without them for what the machine is trusted for.",
    )
    key: SecretName = Field("OPENAI_API_KEY", description="Name of the secret that is the API key.")
    azure: AzureAccount | None = Field(None, description="For azure_openai: where the tuned model is deployed.")
    base_deployment: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$",
        description="For azure_openai: the deployment of the base model, which the tuned one is compared with.",
    )
    budget: float = Field(25.0, gt=0, description="US dollars that one tuning may cost by the estimate.")
    prices: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_]{0,39}$", description="A section of conf/base/prices.yml; else the service's."
    )
    poll_seconds: float = Field(30.0, gt=0, le=600, description="Between two looks at a job that runs.")
    deadline_hours: float = Field(48.0, gt=0, description="After that a run stops waiting; the job goes on.")
    settle_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="How long a thing that may have been made is looked for before it is made anew.",
    )
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="For one answer.")

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        return web_address(value)

    @model_validator(mode="after")
    def _whole(self) -> Hosted:
        if self.service == "azure_openai":
            if self.endpoint == OPENAI:
                raise ValueError("azure_openai needs `endpoint`: https://<resource>.openai.azure.com")
            if self.azure is None or self.base_deployment is None:
                raise ValueError("azure_openai needs `azure` and `base_deployment`")
        elif self.azure or self.base_deployment or self.login == "entra" or self.api_version != "v1":
            raise ValueError("azure, base_deployment, api_version and login: entra are for azure_openai only")
        return self
