"""Parameters of the pipeline ``prepare``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PrepareParameters"]


class PrepareParameters(BaseModel):
    """How the recipe ``auto`` judges a column; the other recipes take no parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rare_share: float = Field(
        0.001, ge=0, lt=0.5, description='Categories with a smaller share of the training rows become "other".'
    )
    max_categories: int = Field(
        200, ge=2, le=10_000, description="Text columns with more different values than this are left out."
    )
