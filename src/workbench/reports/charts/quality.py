"""How good the models are: one metric side by side, and the loss of each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.reports.estimates import Estimate, estimates, undefined
from workbench.reports.html import Html, paragraph
from workbench.reports.locale import say
from workbench.reports.style import BLUE, GREY, INK, MUTED, ORANGE, RUST, picture
from workbench.reports.words import metric_words, model_name, number

__all__ = ["MODEL_COLOURS", "side_by_side", "training_curve"]

FEWEST_TO_TELL = 3
"""Epochs after the best from which on a rise is more than a wobble."""

MODEL_COLOURS = {"ensemble": INK, "network": BLUE, "boosting": ORANGE, "linear": RUST, "majority": GREY}


def side_by_side(evaluation: dict[str, Any]) -> Html:
    """The primary metric of each model with its confidence interval."""
    task, metric = evaluation["task"], evaluation["primary"]
    words = metric_words(metric)
    found = estimates(evaluation, metric)
    if not found:
        return paragraph(undefined(evaluation))
    alt = say("{label} on the held-out rows. ", label=words.label) + "; ".join(
        f"{model_name(model, task)} {_spoken(found[model], words.show)}" for model in found
    )
    better = say("to the right") if words.higher_is_better else say("to the left")
    caption = say(
        "Better is {better}. The line is the confidence interval: where the true value plausibly lies.", better=better
    )
    with picture(alt=alt, caption=caption, height=0.5 * len(found) + 0.75) as drawn:
        (ax,) = drawn.axes
        for position, (model, estimate) in enumerate(found.items()):
            colour = MODEL_COLOURS[model]
            if estimate.low is not None and estimate.high is not None:
                ax.plot([estimate.low, estimate.high], [position, position], color=colour, lw=7, alpha=0.35,
                        solid_capstyle="round")  # fmt: skip
            ax.plot(estimate.value, position, "o", color=colour, ms=10)
            ax.annotate(words.show(estimate.value), (estimate.value, position), (0, 11), textcoords="offset points",
                        ha="center", color=INK, weight="bold")  # fmt: skip
        ax.set_yticks(range(len(found)), [model_name(model, task) for model in found])
        ax.tick_params(axis="y", labelcolor=INK, length=0)
        ax.set_ylim(len(found) - 0.5, -0.75)
        ax.margins(x=0.12)
        ax.grid(visible=False, axis="y")
        ax.set_xlabel(words.label)
    return drawn.html


def _spoken(estimate: Estimate, show: Callable[[float | None], str]) -> str:
    interval = (
        say(" (between {low} and {high})", low=show(estimate.low), high=show(estimate.high))
        if estimate.low is not None
        else ""
    )
    return show(estimate.value) + interval


def training_curve(history: list[dict[str, Any]]) -> Html:
    """Training and validation loss by epoch, with the epoch that was kept."""
    from matplotlib.ticker import MaxNLocator

    epochs = [row["epoch"] for row in history]
    best = min(history, key=lambda row: row["validation_loss"])
    if len(history) == 1:
        return paragraph(
            say(
                "It learned for a single epoch, so there is no curve: training loss {train_loss}, validation loss "
                "{validation_loss}.",
                train_loss=number(best["train_loss"]),
                validation_loss=number(best["validation_loss"]),
            )
        )
    alt = say(
        "Loss over {history} epochs: training from {train_loss} to {train_loss_2}, validation lowest at "
        "{validation_loss} in epoch {epoch}.",
        history=len(history),
        train_loss=number(history[0]["train_loss"]),
        train_loss_2=number(history[-1]["train_loss"]),
        validation_loss=number(best["validation_loss"]),
        epoch=best["epoch"],
    )
    caption = say(
        "The weights of epoch {epoch} were kept, where the error on rows that it does not learn from is lowest.",
        epoch=best["epoch"],
    )
    last = history[-1]
    risen = last["validation_loss"] > best["validation_loss"] and last["train_loss"] < best["train_loss"]
    if risen and last["epoch"] - best["epoch"] >= FEWEST_TO_TELL:
        caption += say(" After it that line rose while the other went on down: it had begun to learn by heart.")
    with picture(alt=alt, caption=caption, height=2.9) as drawn:
        (ax,) = drawn.axes
        ax.plot(epochs, [row["train_loss"] for row in history], color=GREY, label=say("rows it learns from"))
        ax.plot(epochs, [row["validation_loss"] for row in history], color=BLUE, label=say("rows it does not"))
        ax.axvline(best["epoch"], color=MUTED, lw=1, ls=":")
        ax.plot(best["epoch"], best["validation_loss"], "o", color=BLUE, ms=8)
        ax.set(xlabel=say("epoch"), ylabel=say("loss"))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        # Above the curves: they may be anywhere.
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return drawn.html
