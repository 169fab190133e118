"""Parameters of the pipeline ``report``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ReportParameters"]


class ReportParameters(BaseModel):
    """How reports are rendered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parameters: dict[str, dict[str, bool | int | float | str]] = Field(
        {}, description="By template: the values of its parameters that differ from their defaults."
    )
    timeout_seconds: float = Field(300, gt=0, description="Wall-clock seconds for one notebook; then it is killed.")
