"""The parameters of ``evaluate``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EvaluateParameters"]


class EvaluateParameters(BaseModel):
    """``params:evaluate``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: int = Field(200, ge=20, le=10_000, description="Resamples for each confidence interval.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="How much of the resamples an interval holds.")
    importance_rows: int = Field(5000, ge=100, description="Held-out rows used for permutation importance.")
    importance_repeats: int = Field(3, ge=1, le=100, description="Shuffles of each column.")
    importance_columns: int = Field(
        200,
        ge=1,
        description="Columns that are shuffled, at most; of more, those that a forest needs most to say what the model "
        "says.",
    )
    seed: int = Field(17, ge=0, lt=2**32, description="Of resamples and shuffles.")
    calibration_bins: int = Field(10, ge=2, le=100, description="Bins of equal size, fewer where rows are few.")
    calibration_limit: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Check `calibrated`: largest mean gap between predicted and observed, as a probability, or as a "
        "share of the target's standard deviation.",
    )
    monotone_limit: float = Field(
        0.02, ge=0, le=1, description="Check `monotone`: largest share of steps in the direction that must not be."
    )
    monotone_rows: int = Field(1000, ge=10, description="Held-out rows that are moved along each such column.")
    fewest_test_rows: int = Field(50, ge=1, description="Check `enough_test_rows`: held-out rows that there must be.")
    fewest_group_rows: int = Field(50, ge=1, description="A group with fewer held-out rows gets no score.")
