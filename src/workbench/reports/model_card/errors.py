"""The charts of right and wrong, by task."""

from __future__ import annotations

from typing import Any

from workbench.reports.charts.errors import confusion, predicted_against_true
from workbench.reports.charts.ranking import ranking, scores_by_answer
from workbench.reports.html import Html, joined, paragraph
from workbench.reports.locale import say

__all__ = ["error_charts"]


def error_charts(errors: dict[str, Any]) -> Html:
    """What suits the task: curves and scores, a confusion matrix, or errors.

    Args:
        errors: see :func:`workbench.reports.holdout.describe_errors`.
    """
    if "confusion" in errors:
        return confusion(errors["confusion"])
    if "cloud" in errors:
        return predicted_against_true(errors)
    if "scores" not in errors:
        return paragraph(say("All held-out rows have the same answer; there is nothing to tell apart."))
    return joined(ranking(errors), scores_by_answer(errors))
