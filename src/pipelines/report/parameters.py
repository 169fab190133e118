"""Parameters of the pipeline ``report``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from workbench.drift.measure import Limits
    from workbench.reports import Limits as ReportLimits

__all__ = ["DriftParameters", "ReportParameters"]


class DriftParameters(BaseModel):
    """What drift is measured between, and from where on it is called so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int | None = Field(
        None, ge=1, description="New rows are those of the last days before the newest; without it, the test fold."
    )
    watch: float = Field(0.1, gt=0, description="Population stability index from which a column is watched.")
    drift: float = Field(0.25, gt=0, description="The index from which a column has drifted.")
    confidence: float = Field(
        0.999, gt=0.5, lt=1, description="How sure it must be that no column counts as moved by chance."
    )

    def limits(self) -> Limits:
        """The same, for the measurement."""
        from workbench.drift.measure import Limits

        return Limits(self.watch, self.drift, self.confidence)


class ReportParameters(BaseModel):
    """How reports are rendered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drift: DriftParameters = Field(default_factory=DriftParameters, description="Of the report `drift`.")
    parameters: dict[str, dict[str, bool | int | float | str]] = Field(
        {}, description="By template: the values of its parameters that differ from their defaults."
    )
    timeout_seconds: float = Field(300, gt=0, description="Wall-clock seconds for one notebook; then it is killed.")
    cell_seconds: float | None = Field(
        None, gt=0, description="Wall-clock seconds for one cell, if less than the whole."
    )
    memory_mb: int = Field(4096, ge=64, description="Megabytes that a notebook may take; more is a MemoryError in it.")
    retries: int = Field(2, ge=0, le=10, description="How often a report is tried again whose kernel did not begin.")

    def limits(self) -> ReportLimits:
        """The limits, for the renderer."""
        from workbench.reports import Limits

        return Limits(self.timeout_seconds, self.cell_seconds, self.memory_mb, self.retries)
