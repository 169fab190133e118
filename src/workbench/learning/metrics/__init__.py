"""How good predictions are: scores, their confidence intervals, calibration, and all of it by group.

Labels are numbers: 0 and 1; the class's place in the list of classes; or the value. Predictions are what
:meth:`workbench.learning.TabularModel.predict` returns.
"""

from __future__ import annotations

from workbench.learning.metrics.bootstrap import Interval, Resamples, intervals, resample
from workbench.learning.metrics.calibration import CalibrationBin, calibration_bins, chance_level, expected_error
from workbench.learning.metrics.groups import GroupScore, by_group, group_names
from workbench.learning.metrics.scores import (
    HIGHER_IS_BETTER,
    METRICS,
    better,
    compute,
    scorer,
    watched,
)

__all__ = [
    "HIGHER_IS_BETTER",
    "METRICS",
    "CalibrationBin",
    "GroupScore",
    "Interval",
    "Resamples",
    "better",
    "by_group",
    "calibration_bins",
    "chance_level",
    "compute",
    "expected_error",
    "group_names",
    "intervals",
    "resample",
    "scorer",
    "watched",
]
