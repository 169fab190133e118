"""``params:deploy``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DeployParameters"]


class DeployParameters(BaseModel):
    """Which version goes where, and how far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str = Field("local", description="As client.yml calls it under `deploy`.")
    version: int | None = Field(None, ge=1, description="Of the model; null: the champion.")
    percent: int | None = Field(None, ge=0, le=99, description="Share of the traffic for it; null: none.")
    promote: bool = Field(False, description="Whether it gets all traffic.")
