"""What all targets have: how far answers may be off, and how long is waited."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Address", "TargetModel", "TargetName"]

TargetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Address = Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._/-]*)?$")]


class TargetModel(BaseModel):
    """One target."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    tolerance: float = Field(
        1e-4, ge=0, description="How far an answer may be from the registered model's, before no traffic goes there."
    )
    poll_seconds: float = Field(5.0, gt=0, le=300, description="Between two looks at an operation that takes long.")
    deadline_seconds: float = Field(
        3600, gt=0, description="For one operation; it goes on, and the same command finds it again."
    )
