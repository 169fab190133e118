"""Where the models are right and wrong, on the held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.charts.quality import MODEL_COLOURS
from workbench.reports.html import Html
from workbench.reports.style import BLUE, GREY, INK, MUTED, VERMILLION, picture
from workbench.reports.words import model_name, number, percent

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["confusion", "predicted_against_true", "ranking", "scores_by_answer"]

POINTS = 200
"""A curve with more points than the eye can tell apart only makes the file larger."""

WHITE_FROM = 90
"""Percent in a cell of the confusion matrix from which white is easier to read on its blue than black."""

FEWEST_FOUND = 0.01
"""Where the precision-recall curve begins, as a share of the rows whose answer is yes."""


def ranking(label: NDArray[Any], scores: dict[str, NDArray[Any]]) -> Html:
    """ROC and precision-recall curves of each model.

    Args:
        label: 0 or 1 for each row.
        scores: model to its probability of 1 for each row.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

    rate = float(label.mean())
    alt = "; ".join(
        f"{model_name(model, 'binary')}: area under ROC {roc_auc_score(label, score):.3f}, average precision "
        f"{average_precision_score(label, score):.3f}"
        for model, score in scores.items()
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
        for model, score in scores.items():
            colour, name = MODEL_COLOURS[model], model_name(model, "binary")
            false, true, _ = roc_curve(label, score)
            roc.plot(*_thin(false, true), color=colour, label=name)
            precise, found, _ = precision_recall_curve(label, score, drop_intermediate=True)
            # The share among the first handful of rows jumps from 0 to 100 % and back; it says nothing.
            told = found >= FEWEST_FOUND
            precision.plot(*_thin(found[told][::-1], precise[told][::-1]), color=colour, label=name)
        _unit_square(roc, "false alarms", "found", "ROC")
        _unit_square(precision, "found", "right among flagged", "Precision and recall")
        roc.legend(loc="lower right")
    return drawn.html


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


def confusion(label: NDArray[Any], predicted: NDArray[Any], classes: list[str]) -> Html:
    """For each true class, where its rows were put, in percent. At most twelve classes, the commonest."""
    import numpy as np

    commonest = sorted(classes, key=lambda name: -int((label == name).sum()))[:12]
    shown = [name for name in classes if name in commonest]
    matrix = np.array([[float(((label == true) & (predicted == other)).sum()) for other in shown] for true in shown])
    totals = np.array([[max(float((label == true).sum()), 1)] for true in shown])
    share = 100 * matrix / totals
    alt = "; ".join(f"{name}: {share[i, i]:.0f} % right" for i, name in enumerate(shown))
    caption = "Rows: the true class. Columns: what the network said. A perfect model has 100 on the diagonal only."
    with picture(alt=alt, caption=caption, height=0.42 * len(shown) + 1.3) as drawn:
        (ax,) = drawn.axes
        ax.pcolormesh(share, cmap=_blues(), vmin=0, vmax=100, edgecolors="none")
        for (i, j), value in np.ndenumerate(share):
            # Ink or white, whichever is readable on the cell; the cells look the same on white and on black paper.
            ax.text(
                j + 0.5, i + 0.5, f"{value:.0f}", ha="center", va="center", color="white" if value > 55 else "#111111"
            )
        ax.set_xticks(np.arange(len(shown)) + 0.5, shown, rotation=30 if len(shown) > 6 else 0)
        ax.set_yticks(np.arange(len(shown)) + 0.5, shown)
        ax.tick_params(length=0, labelcolor=INK)
        ax.invert_yaxis()
        ax.grid(visible=False)
        ax.set(xlabel="the network said, % of the row", ylabel="truth")
    return drawn.html


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blues", ["#eef4f9", BLUE])


def predicted_against_true(label: NDArray[Any], predicted: NDArray[Any]) -> Html:
    """Regression: prediction against truth, and how the errors are spread."""
    import numpy as np

    error = predicted - label
    typical = float(np.median(np.abs(error)))
    alt = (
        f"Half of the predictions are within {number(typical)} of the truth; the mean error is {number(error.mean())}."
    )
    caption = (
        "Left: each cell counts rows, darker is more; a perfect model has all of them on the dotted line. Right: the "
        f"errors; half of the predictions are within {number(typical)} of the truth."
    )
    with picture(alt=alt, caption=caption, height=3.3, columns=2) as drawn:
        cloud, spread = drawn.axes
        low, high = np.quantile(np.concatenate([label, predicted]), [0.002, 0.998])
        inside = (label >= low) & (label <= high) & (predicted >= low) & (predicted <= high)
        cloud.hexbin(label[inside], predicted[inside], gridsize=28, cmap=_blues(), mincnt=1, bins="log", linewidths=0)
        cloud.plot([low, high], [low, high], color=MUTED, lw=1, ls=":")
        cloud.set(xlabel="truth", ylabel="prediction", title="Prediction and truth")
        reach = np.quantile(np.abs(error), 0.99) or 1.0
        heights, edges = np.histogram(error.clip(-reach, reach), 40)
        spread.stairs(100 * heights / len(error), edges, fill=True, color=BLUE, alpha=0.6)
        spread.axvline(0, color=MUTED, lw=1, ls=":")
        spread.axvline(float(error.mean()), color=VERMILLION, lw=1.5)
        spread.set(xlabel="prediction minus truth", ylabel="% of the rows", title="Errors")
    return drawn.html
