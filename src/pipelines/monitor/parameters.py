"""The parameters of ``monitor``: thresholds and windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from workbench.drift.measure import Limits
    from workbench.monitoring.performance import Asked
    from workbench.monitoring.verdict import Rules

__all__ = ["MonitorParameters"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftOfRows(_Model):
    """From where on rows count as drifted."""

    watch: float = Field(0.1, gt=0, description="Population stability index from which a column is watched.")
    drift: float = Field(0.25, gt=0, description="The index from which a column has drifted.")
    confidence: float = Field(
        0.999, gt=0.5, lt=1, description="How sure it must be that no column counts as moved by chance."
    )
    share: float = Field(
        0.5, gt=0, le=1, description="Share of drifted features from which on the model is to be trained again."
    )
    fewest_rows: int = Field(100, ge=1, description="Fewer new rows than this decide nothing.")

    @model_validator(mode="after")
    def _in_order(self) -> DriftOfRows:
        if self.watch > self.drift:
            raise ValueError(f"watch ({self.watch:g}) is above drift ({self.drift:g}): nothing would only be watched")
        return self


class Performance(_Model):
    """How the champion's metric is measured on new rows, and when it has decayed."""

    margin: float | None = Field(
        None, ge=0, description="By which the metric may be worse than promised; without it, the gate's margin."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the interval that has to exclude the promise.")
    bootstrap: int = Field(200, ge=20, le=10_000, description="Resamples of the interval.")
    rows: int = Field(50_000, ge=100, description="Rows that are predicted at most; of more, a sample by key.")
    fewest_rows: int = Field(100, ge=1, description="Fewer labelled rows than this decide nothing.")
    seed: int = Field(17, ge=0, lt=2**32, description="Of the resamples.")


class Quality(_Model):
    """From where on the data is watched. Its faults never ask for a training."""

    quarantined: float = Field(0.01, ge=0, le=1, description="Share of a table's rows in quarantine.")
    missing: float = Field(0.1, ge=0, le=1, description="Rise of a feature's share of missing values.")
    unseen: float = Field(0.05, ge=0, le=1, description="Share of new rows with a category that no training row had.")
    newest_days: float | None = Field(
        None,
        gt=0,
        description="How old the newest row may be; without it, twice the longest gap of the schedules that ingest.",
    )


class Served(_Model):
    """What of the prediction log is looked at."""

    days: int = Field(30, ge=1, le=3660, description="How far back.")
    fewest_rows: int = Field(100, ge=1, description="Fewer rows of the champion than this decide nothing.")


class MonitorParameters(_Model):
    """``params:monitor``."""

    mark: bool = Field(
        False, description="Whether a verdict `retrain` marks the champion, for `kedro fleet run --marked`."
    )
    drift: DriftOfRows = Field(default_factory=DriftOfRows, description="Of features, answer and predictions.")
    performance: Performance = Field(default_factory=Performance, description="Of the champion, on new rows.")
    quality: Quality = Field(default_factory=Quality, description="Of the data.")
    served: Served = Field(default_factory=Served, description="Of the prediction log.")

    def limits(self) -> Limits:
        """Those of the measurement of drift."""
        from workbench.drift.measure import Limits

        return Limits(self.drift.watch, self.drift.drift, self.drift.confidence)

    def asked(self) -> Asked:
        """How the metric is measured."""
        from workbench.monitoring.performance import Asked

        asked = self.performance
        return Asked(asked.rows, asked.bootstrap, asked.confidence, asked.seed)

    def rules(self) -> Rules:
        """All thresholds, for the verdict."""
        from workbench.monitoring.judging import DriftRules, PerformanceRules
        from workbench.monitoring.quality import QualityRules
        from workbench.monitoring.verdict import Rules

        drift, quality = self.drift, self.quality
        return Rules(
            DriftRules(drift.watch, drift.drift, drift.share, drift.fewest_rows, quality.missing),
            PerformanceRules(self.performance.margin, self.performance.fewest_rows),
            QualityRules(quality.quarantined, quality.missing, quality.unseen, drift.fewest_rows),
            self.served.fewest_rows,
        )
