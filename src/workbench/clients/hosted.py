"""Where a client's language models are tuned when it is not on this machine, and what that may cost.

No field holds a secret. ``key`` is the *name* of one; the client's own place of secrets has its value.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workbench.clients.delivery import is_loopback
from workbench.clients.targets import TargetName

__all__ = ["Hosted"]

SecretName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]


class Hosted(BaseModel):
    """An account at OpenAI, at Azure OpenAI, or at a server that speaks OpenAI's API."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    service: Literal["openai", "azure_openai"] = Field(description="Whose it is; `openai` for compatible servers too.")
    endpoint: str = Field(
        "https://api.openai.com/v1", description="For openai: the address; http:// on this machine only."
    )
    key: SecretName = Field("OPENAI_API_KEY", description="For openai: name of the secret that is the API key.")
    target: TargetName | None = Field(
        None, description="For azure_openai: the target under `deploy` whose account it is; tuned models come up there."
    )
    base_deployment: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{1,63}$",
        description="For azure_openai: the deployment of the base model, which the tuned one is compared with.",
    )
    budget: float = Field(25.0, gt=0, description="What one tuning may cost by the estimate, in the prices' currency.")
    prices: str | None = Field(
        None, pattern=r"^[a-z][a-z0-9_]{0,39}$", description="A section of conf/base/prices.yml; else the service's."
    )
    poll_seconds: float = Field(30.0, gt=0, le=600, description="Between two looks at a job that runs.")
    deadline_hours: float = Field(48.0, gt=0, description="After that a run stops waiting; the job goes on.")
    settle_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="How long what may have been made is looked for, before it is made anew.",
    )
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="For one answer.")

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        parts = urlsplit(value)
        whole = parts.username or parts.query or parts.fragment
        if parts.scheme not in {"http", "https"} or not parts.hostname or whole:
            raise ValueError("it must be an https:// address without user, query and fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("http:// is for this machine only; write https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole(self) -> Hosted:
        azure = self.service == "azure_openai"
        if azure != (self.target is not None) or azure != (self.base_deployment is not None):
            raise ValueError("`target` and `base_deployment` are asked for by azure_openai, and by it alone")
        return self
