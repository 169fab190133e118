"""This machine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from workbench.clients.targets.base import TargetModel

__all__ = ["LocalTarget"]


class LocalTarget(TargetModel):
    """The serving container's contract on this machine's loopback."""

    kind: Literal["local"]
    port: int = Field(8800, ge=1024, le=65535, description="On 127.0.0.1.")
    poll_seconds: float = Field(0.1, gt=0, le=300, description="Between two looks at the server.")
    deadline_seconds: float = Field(120, gt=0, description="For the server to come up, or to take a version.")
