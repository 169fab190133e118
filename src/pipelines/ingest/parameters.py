"""The parameters of ``ingest``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["IngestParameters"]


class IngestParameters(BaseModel):
    """``params:ingest``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Below 0.01 the generator repeats keys of partsupp (TPC-H itself begins at 1).
    scale_factor: float = Field(
        0.1, ge=0.01, le=1000, description="TPC-H sources only: 1 is 6 million order lines; 0.01 is enough to try it."
    )
