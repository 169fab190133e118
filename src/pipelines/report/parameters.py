"""Parameters of the pipeline ``report``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ReportParameters"]


class ReportParameters(BaseModel):
    """How reports are rendered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_seconds: float = Field(300, gt=0, description="Wall-clock seconds for one notebook; then it is killed.")
