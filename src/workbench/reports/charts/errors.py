"""Where a model of several classes, or of numbers, is right and wrong."""

from __future__ import annotations

from typing import Any

from workbench.reports.html import Html
from workbench.reports.locale import say
from workbench.reports.style import BLUE, INK, MUTED, VERMILLION, picture
from workbench.reports.words import number

__all__ = ["confusion", "predicted_against_true"]

WHITE_FROM = 90
"""Percent in a cell of the confusion matrix from which white is easier to read on its blue than black."""


def confusion(pairs: list[dict[str, Any]]) -> Html:
    """For each true class, where its rows were put, in percent.

    Args:
        pairs: ``truth``, ``said``, ``rows`` and ``of`` (rows of the true one) of every pair of the
            classes that are shown.
    """
    import numpy as np

    shown = list(dict.fromkeys(pair["truth"] for pair in pairs))
    share = np.array([100 * pair["rows"] / max(pair["of"], 1) for pair in pairs]).reshape(len(shown), len(shown))
    alt = "; ".join(
        say("{name}: {share} % right", name=name, share=f"{share[i, i]:.0f}") for i, name in enumerate(shown)
    )
    caption = say("Rows: the true class. Columns: what the model said. A perfect model has 100 on the diagonal only.")
    with picture(alt=alt, caption=caption, height=0.42 * len(shown) + 1.3) as drawn:
        (ax,) = drawn.axes
        ax.pcolormesh(share, cmap=_blues(), vmin=0, vmax=100, edgecolors="none")
        for (i, j), value in np.ndenumerate(share):
            # Ink or white, whichever is readable on the cell; the cells look the same on white and on black paper.
            colour = "white" if value > WHITE_FROM else "#111111"
            ax.text(j + 0.5, i + 0.5, f"{value:.0f}", ha="center", va="center", color=colour)
        ax.set_xticks(np.arange(len(shown)) + 0.5, shown, rotation=30 if len(shown) > 6 else 0)
        ax.set_yticks(np.arange(len(shown)) + 0.5, shown)
        ax.tick_params(length=0, labelcolor=INK)
        ax.invert_yaxis()
        ax.grid(visible=False)
        ax.set(xlabel=say("the model said, % of the row"), ylabel=say("truth"))
    return drawn.html


def _blues(lightest: str = "#eef4f9") -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blues", [lightest, BLUE])


def predicted_against_true(errors: dict[str, Any]) -> Html:
    """Regression: prediction against truth, and how the errors are spread.

    Args:
        errors: of a regression; see :func:`workbench.reports.holdout.describe_errors`.
    """
    from matplotlib.colors import LogNorm

    typical = number(errors["typical"])
    alt = say(
        "Half of the predictions are within {typical} of the truth; the mean error is {mean_error}.",
        typical=typical,
        mean_error=number(errors["mean_error"]),
    )
    caption = say(
        "Left: each cell counts rows, darker is more; a perfect model has all of them on the dotted line. Right: "
        "the errors; half of the predictions are within {typical} of the truth.",
        typical=typical,
    )
    with picture(alt=alt, caption=caption, height=3.3, columns=2) as drawn:
        cloud, spread = drawn.axes
        low, high = errors["range"]["low"], errors["range"]["high"]
        cells = errors["cloud"]
        if cells:
            xs, ys, rows = zip(*((one["truth"], one["prediction"], one["rows"]) for one in cells), strict=True)
            cloud.scatter(
                xs, ys, c=rows, cmap=_blues("#b5d4e9"), norm=LogNorm(1, max(2, *rows)), marker="s", s=22, lw=0
            )
        cloud.plot([low, high], [low, high], color=MUTED, lw=1, ls=":")
        cloud.set(xlabel=say("truth"), ylabel=say("prediction"), title=say("Prediction and truth"))
        bins = errors["errors"]
        edges = [bins[0]["from"], *(one["to"] for one in bins)]
        spread.stairs([100 * one["share"] for one in bins], edges, fill=True, color=BLUE, alpha=0.6)
        spread.axvline(0, color=MUTED, lw=1, ls=":")
        spread.axvline(errors["mean_error"], color=VERMILLION, lw=1.5)
        spread.set(xlabel=say("prediction minus truth"), ylabel=say("% of the rows"), title=say("Errors"))
    return drawn.html
