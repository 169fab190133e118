"""The parameters of ``score``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ScoreParameters"]


class ScoreParameters(BaseModel):
    """Settings of ``params:score``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_rows: int = Field(100_000, ge=1, description="Rows that are read and predicted at once; bounds the memory.")
