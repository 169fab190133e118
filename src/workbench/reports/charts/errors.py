"""Where a model of several classes, or of numbers, is right and wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.html import Html
from workbench.reports.style import BLUE, INK, MUTED, VERMILLION, picture
from workbench.reports.words import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["confusion", "predicted_against_true"]

WHITE_FROM = 90
"""Percent in a cell of the confusion matrix from which white is easier to read on its blue than black."""


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
