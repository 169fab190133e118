"""How well a model of two classes ranks the rows, and how its scores are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.reports.charts.quality import MODEL_COLOURS
from workbench.reports.charts.rows import leave_room
from workbench.reports.html import Html
from workbench.reports.locale import say
from workbench.reports.style import BLUE, GREY, MUTED, picture
from workbench.reports.words import model_name, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ranking", "scores_by_answer"]


def ranking(errors: dict[str, Any]) -> Html:
    """ROC and precision-recall curves of each model.

    Args:
        errors: of a binary task; see :func:`workbench.reports.holdout.describe_errors`.
    """
    alt = say("To find half of the rows whose answer is yes, ") + "; ".join(
        say("{model} gives {share} false alarms", model=model_name(model, "binary"), share=percent(share))
        for model, share in errors["alarms_at_half"].items()
    )
    caption = say(
        "Left: of the rows where the answer is yes, the share that is found, against the share of false alarms; "
        "the dotted line is guessing. Right: how many of the flagged rows are truly yes, as more and more of them "
        "are to be found; flagging at random gives {rate}.",
        rate=percent(errors["rate"]),
    )
    with picture(alt=alt, caption=caption, height=3.5, columns=2) as drawn:
        roc, precision = drawn.axes
        roc.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=":")
        precision.axhline(errors["rate"], color=MUTED, lw=1, ls=":")
        for model in errors["alarms_at_half"]:
            colour = MODEL_COLOURS[model]
            roc.plot(*_curve(errors["roc"], model, "alarms", "found"), color=colour, label=model_name(model, "binary"))
            precision.plot(*_curve(errors["precision_recall"], model, "found", "right"), color=colour)
        _unit_square(roc, say("false alarms"), say("found"), "ROC")
        _unit_square(precision, say("found"), say("right among flagged"), say("Precision and recall"))
        roc.legend(loc="lower right")
    return drawn.html


def _curve(points: list[dict[str, Any]], model: str, x: str, y: str) -> tuple[list[float], list[float]]:
    own = [point for point in points if point["model"] == model]
    return [point[x] for point in own], [point[y] for point in own]


def _unit_square(ax: Axes, x: str, y: str, title: str) -> None:
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=x, ylabel=y, title=title)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axis.set_ticks([0, 0.25, 0.5, 0.75, 1])


def scores_by_answer(errors: dict[str, Any]) -> Html:
    """How the model's probabilities are spread, for the rows where the answer is yes and where it is no."""
    median, bins = errors["median_score"], errors["scores"]
    alt = say(
        "Median probability {yes} where the answer is yes, {no} where it is no.",
        yes=percent(median["yes"], 0),
        no=percent(median["no"], 0),
    )
    caption = say("Each group adds up to 100 %. The less the two overlap, the better the model tells them apart.")
    with picture(alt=alt, caption=caption, height=2.5) as drawn:
        (ax,) = drawn.axes
        edges = [bins[0]["from"], *(one["to"] for one in bins)]
        for answer, colour in (("no", GREY), ("yes", BLUE)):
            heights = [100 * one[answer] for one in bins]
            ax.stairs(
                heights,
                edges,
                fill=True,
                color=colour,
                alpha=0.55,
                label=say("answer is yes") if answer == "yes" else say("answer is no"),
            )
        ax.set(xlabel=say("predicted probability"), ylabel=say("% of the rows"), xlim=(0, 1))
        leave_room(ax)
        ax.legend(loc="upper center", ncols=2)
    return drawn.html
