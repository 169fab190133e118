"""How well a model of two classes ranks the rows, and how its scores are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.charts.quality import MODEL_COLOURS
from workbench.reports.html import Html
from workbench.reports.style import BLUE, GREY, MUTED, picture
from workbench.reports.words import model_name, percent

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["rank_curves", "ranking", "scores_by_answer"]

POINTS = 200
"""A curve with more points than the eye can tell apart only makes the file larger."""

FEWEST_FOUND = 0.01
"""Where the precision-recall curve begins, as a share of the rows whose answer is yes."""

Curves = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""False positive rate, recall and precision at each threshold."""


def ranking(label: NDArray[Any], scores: dict[str, NDArray[Any]]) -> Html:
    """ROC and precision-recall curves of each model.

    Args:
        label: 0 or 1 for each row.
        scores: model to its probability of 1 for each row.
    """
    curves = {model: rank_curves(label, score) for model, score in scores.items()}
    rate = float(label.mean())
    alt = "To find half of the rows whose answer is yes, " + "; ".join(
        f"{model_name(model, 'binary')} gives {percent(_alarms_at_half(curve))} false alarms"
        for model, curve in curves.items()
    )
    caption = (
        "Left: of the rows where the answer is yes, the share that is found, against the share of false alarms; the "
        "dotted line is guessing. Right: how many of the flagged rows are truly yes, as more and more of them are to "
        f"be found; flagging at random gives {percent(rate)}."
    )
    with picture(alt=alt, caption=caption, height=3.5, columns=2) as drawn:
        roc, precision = drawn.axes
        roc.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":")
        precision.axhline(rate, color=MUTED, lw=1, ls=":")
        for model, (alarms, found, right) in curves.items():
            roc.plot(*_thin(alarms, found), color=MODEL_COLOURS[model], label=model_name(model, "binary"))
            # The share among the first handful of rows jumps from 0 to 100 % and back; it says nothing.
            told = found >= FEWEST_FOUND
            precision.plot(*_thin(found[told], right[told]), color=MODEL_COLOURS[model])
        _unit_square(roc, "false alarms", "found", "ROC")
        _unit_square(precision, "found", "right among flagged", "Precision and recall")
        roc.legend(loc="lower right")
    return drawn.html


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


def _alarms_at_half(curve: Curves) -> float:
    import numpy as np

    alarms, found, _ = curve
    return float(alarms[np.searchsorted(found, 0.5)])


def _thin(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    if len(x) <= POINTS:
        return x, y
    # Evenly along the curve, so that a steep start keeps its shape.
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    keep = np.unique(np.searchsorted(along, np.linspace(0, along[-1], POINTS)).clip(0, len(x) - 1))
    return x[keep], y[keep]


def _unit_square(ax: Axes, x: str, y: str, title: str) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, title=title)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])


def scores_by_answer(label: NDArray[Any], score: NDArray[Any]) -> Html:
    """How the network's probabilities are spread, for the rows where the answer is yes and where it is no."""
    import numpy as np

    edges = np.linspace(0, 1, 26)
    alt = (
        f"Median probability {np.median(score[label == 1]):.2f} where the answer is yes, "
        f"{np.median(score[label == 0]):.2f} where it is no."
    )
    caption = "Each group adds up to 100 %. The less the two overlap, the better the network tells them apart."
    with picture(alt=alt, caption=caption, height=2.5) as drawn:
        (ax,) = drawn.axes
        for value, colour, name in ((0, GREY, "answer is no"), (1, BLUE, "answer is yes")):
            chosen = score[label == value]
            if len(chosen):
                heights, _ = np.histogram(chosen, edges)
                ax.stairs(100 * heights / len(chosen), edges, fill=True, color=colour, alpha=0.55, label=name)
        ax.set(xlabel="predicted probability", ylabel="% of the rows", xlim=(0, 1))
        ax.legend(loc="upper center")
    return drawn.html
