"""Azure OpenAI."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.clients.targets.base import Address, TargetModel

__all__ = ["AnswerCheck", "AzureOpenAITarget"]


class AnswerCheck(BaseModel):
    """Held-out examples that a tuned model answers before it gets traffic, beside what serves now."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    examples: int = Field(10, ge=0, le=1000, description="How many; 0: only the name of the model that answers counts.")
    metric: Literal["rouge_l", "exact_match"] = Field("rouge_l", description="How an answer is scored.")
    answer_tokens: int = Field(256, ge=1, le=16384, description="Longest answer.")
    budget: float = Field(1.0, gt=0, description="What one comparison may cost, in the prices' currency.")


class AzureOpenAITarget(TargetModel):
    """Azure OpenAI: a deployment of a tuned language model."""

    kind: Literal["azure_openai"]
    tolerance: float = Field(
        0.05, ge=0, le=1, description="By how much a version's mean score may be below that of what serves now."
    )
    check: AnswerCheck = Field(default_factory=AnswerCheck, description="What it answers before it gets traffic.")
    subscription: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="Its id.")
    resource_group: str = Field(pattern=r"^[A-Za-z0-9._()-]{1,90}$", description="Of the account.")
    account: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,63}$", description="The Azure OpenAI account.")
    sku: Literal["Standard", "GlobalStandard", "DataZoneStandard", "DeveloperTier"] = Field(
        "Standard", description="Of the deployment: price, region and latency."
    )
    capacity: int = Field(1, ge=1, le=1000, description="Thousands of tokens a minute.")
    address: Address | None = Field(None, description="Of the account's data plane, if it is not the public one.")
    management: Address | None = Field(None, description="Of Azure Resource Manager, if it is not the public one.")
    authority: Address | None = Field(None, description="Of Microsoft Entra ID, if it is not the public one.")
    api_version: str = Field(
        "v1", pattern=r"^(v1|20\d\d-\d\d-\d\d(-preview)?)$", description="Of the data plane: v1, or a dated one."
    )
    login: Literal["key", "entra"] = Field(
        "entra", description="How the data plane lets in: by the key, or by Entra ID, as Azure Resource Manager does."
    )
    key: str = Field(
        "AZURE_OPENAI_API_KEY", pattern=r"^[A-Z][A-Z0-9_]{0,99}$", description="Name of the secret that is the key."
    )
