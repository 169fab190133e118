"""What the charts of right and wrong show, measured on the held-out rows: curves and counts, never a row.

Nothing here draws. A report keeps these numbers beside its page, so they are small, and rounded to six digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.numbers import rounded

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["describe_errors", "rank_curves"]

POINTS = 200
"""A curve with more points than the eye can tell apart only makes the file larger."""

FEWEST_FOUND = 0.01
"""Where the precision-recall curve begins, as a share of the rows whose answer is yes."""

TRAINED = ("network", "boosting")
"""Models whose curves are drawn beside the candidate's."""

MOST_CLASSES = 12
SCORE_BINS, ERROR_BINS, CLOUD_BINS = 25, 40, 28

Curves = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""False positive rate, recall and precision at each threshold."""


def describe_errors(predictions: pa.Table, roles: dict[str, Any], model: str = "network") -> dict[str, Any]:
    """Where the model is right and wrong.

    Args:
        predictions: ``label``, and a prediction column a model.
        roles: which task it is, and its classes.
        model: the candidate's column.

    Returns:
        ``binary``: ``rate`` (of yes), ``alarms_at_half`` (model to false positive rate where half is found), ``roc``
        and ``precision_recall`` (points of each model), ``scores`` (shares of each answer in bins of probability) and
        ``median_score``; only ``rate`` if all answers are the same. ``multiclass``: ``confusion``, one row a pair of
        classes. ``regression``: ``typical`` (median absolute error), ``mean_error``, ``errors`` and ``cloud`` (bins).
    """
    import numpy as np

    label = predictions["label"].to_numpy(zero_copy_only=False)
    if roles["task"] == "multiclass":
        classes = [str(name) for name in roles["classes"]]
        scores = np.array(predictions[model].to_pylist())
        return {"confusion": _confusion(label.astype(str), np.array(classes)[scores.argmax(axis=1)], classes)}
    if roles["task"] == "regression":
        return _residuals(label.astype(float), predictions[model].to_numpy())
    if len(np.unique(label)) < 2:
        return {"rate": float(label.mean())}
    models = [name for name in dict.fromkeys([model, *TRAINED]) if name in predictions.column_names]
    return _ranking(label, {name: predictions[name].to_numpy() for name in models})


def _ranking(label: NDArray[Any], scores: dict[str, NDArray[Any]]) -> dict[str, Any]:
    import numpy as np

    found: dict[str, Any] = {"rate": rounded(label.mean()), "alarms_at_half": {}, "roc": [], "precision_recall": []}
    for model, score in scores.items():
        alarms, hit, right = rank_curves(label, score)
        found["alarms_at_half"][model] = rounded(alarms[np.searchsorted(hit, 0.5)])
        found["roc"] += _points(model, "alarms", "found", alarms, hit)
        # The share among the first handful of rows jumps from 0 to 100 % and back; it says nothing.
        told = hit >= FEWEST_FOUND
        found["precision_recall"] += _points(model, "found", "right", hit[told], right[told])
    first = next(iter(scores.values()))
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    yes, no = (np.histogram(first[label == answer], edges)[0] / max((label == answer).sum(), 1) for answer in (1, 0))
    found["scores"] = _bins(edges, yes=yes, no=no)
    found["median_score"] = {
        name: rounded(np.median(first[label == answer])) for answer, name in ((1, "yes"), (0, "no"))
    }
    return found


def rank_curves(label: NDArray[Any], score: NDArray[Any]) -> Curves:
    """False positive rate, recall and precision, at each threshold from the highest score down.

    scikit-learn has these too; its import would take as long as all the rest of a report.

    Args:
        label: 0 or 1 for each row, both of them present.
        score: the higher, the likelier 1; rows of equal score pass a threshold together.
    """
    import numpy as np

    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits = np.append(0, np.cumsum(label[order])[ends])
    flagged = np.append(0, ends + 1)
    precision = hits / np.maximum(flagged, 1)
    precision[0] = 1.0
    return (flagged - hits) / (len(label) - hits[-1]), hits / hits[-1], precision


def _points(model: str, x: str, y: str, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> list[dict[str, Any]]:
    import numpy as np

    if len(xs) > POINTS:
        # Evenly along the curve, so that a steep start keeps its shape.
        along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(xs), np.diff(ys)))])
        keep = np.unique(np.searchsorted(along, np.linspace(0, along[-1], POINTS)).clip(0, len(xs) - 1))
        xs, ys = xs[keep], ys[keep]
    return [{"model": model, x: rounded(a), y: rounded(b)} for a, b in zip(xs, ys, strict=True)]


def _confusion(label: NDArray[Any], predicted: NDArray[Any], classes: list[str]) -> list[dict[str, Any]]:
    """One row a pair of the commonest classes: how many of the true one's rows were called the other."""
    commonest = sorted(classes, key=lambda name: -int((label == name).sum()))[:MOST_CLASSES]
    shown = [name for name in classes if name in commonest]
    return [
        {
            "truth": truth,
            "said": said,
            "rows": int(((label == truth) & (predicted == said)).sum()),
            "of": int((label == truth).sum()),
        }
        for truth in shown
        for said in shown
    ]


def _residuals(label: NDArray[np.float64], predicted: NDArray[np.float64]) -> dict[str, Any]:
    import numpy as np

    error = predicted - label
    low, high = np.quantile(np.concatenate([label, predicted]), [0.002, 0.998])
    high = high if high > low else low + 1.0
    cells, xs, ys = np.histogram2d(label, predicted, CLOUD_BINS, [[low, high], [low, high]])
    reach = np.quantile(np.abs(error), 0.99) or 1.0
    heights, edges = np.histogram(error.clip(-reach, reach), ERROR_BINS)
    return {
        "typical": rounded(np.median(np.abs(error))),
        "mean_error": rounded(error.mean()),
        "range": {"low": rounded(low), "high": rounded(high)},
        "cloud": [
            {"truth": rounded(xs[i]), "prediction": rounded(ys[j]), "rows": int(cells[i, j])}
            for i, j in zip(*np.nonzero(cells), strict=True)
        ],
        "errors": _bins(edges, share=heights / max(len(error), 1)),
    }


def _bins(edges: NDArray[np.float64], **heights: NDArray[np.float64]) -> list[dict[str, float]]:
    return [
        {"from": rounded(edges[i]), "to": rounded(edges[i + 1])}
        | {name: rounded(values[i]) for name, values in heights.items()}
        for i in range(len(edges) - 1)
    ]
