"""The charts of the reports: each a function from data to one picture with its alternative text."""

from __future__ import annotations

from workbench.reports.charts.errors import confusion, predicted_against_true
from workbench.reports.charts.features import importance
from workbench.reports.charts.groups import by_group, reliability
from workbench.reports.charts.quality import side_by_side, training_curve
from workbench.reports.charts.ranking import ranking, scores_by_answer
from workbench.reports.charts.tuning import parallel_coordinates

__all__ = [
    "by_group",
    "confusion",
    "importance",
    "parallel_coordinates",
    "predicted_against_true",
    "ranking",
    "reliability",
    "scores_by_answer",
    "side_by_side",
    "training_curve",
]
