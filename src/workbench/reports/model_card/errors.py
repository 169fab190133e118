"""The charts of right and wrong, by task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.charts.errors import confusion, predicted_against_true
from workbench.reports.charts.ranking import ranking, scores_by_answer
from workbench.reports.html import Html, joined, paragraph

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["error_charts"]


def error_charts(predictions: pa.Table, roles: dict[str, Any]) -> Html:
    """What suits the task: curves and scores, a confusion matrix, or errors.

    Args:
        predictions: ``label``, and a prediction column a model.
        roles: which task it is, and its classes.
    """
    import numpy as np

    label = predictions["label"].to_numpy(zero_copy_only=False)
    if roles["task"] == "multiclass":
        classes = [str(name) for name in roles["classes"]]
        scores = np.array(predictions["network"].to_pylist())
        return confusion(label.astype(str), np.array(classes)[scores.argmax(axis=1)], classes)
    network = predictions["network"].to_numpy()
    if roles["task"] == "regression":
        return predicted_against_true(label.astype(float), network)
    if len(np.unique(label)) < 2:
        return paragraph("All held-out rows have the same answer; there is nothing to tell apart.")
    models = [model for model in ("network", "boosting") if model in predictions.column_names]
    scores_of = {model: predictions[model].to_numpy() for model in models}
    return joined(ranking(label, scores_of), scores_by_answer(label, network))
