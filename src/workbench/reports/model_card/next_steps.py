"""What to do now: rules from the numbers, each with its command."""

from __future__ import annotations

from typing import Any

from workbench.clients import Client
from workbench.reports.estimates import candidate, estimates, leads
from workbench.reports.html import Html, steps
from workbench.reports.locale import say
from workbench.reports.model_card.groups import weakest
from workbench.reports.words import metric_words

__all__ = ["next_steps"]

Step = tuple[str, str, str]
"""What to do, why, and what to type or open."""


def next_steps(
    client: Client,
    evaluation: dict[str, Any],
    verdict: dict[str, Any],
    history: list[dict[str, Any]],
    segments: list[dict[str, Any]],
) -> Html:
    """An ordered list: what stands in the way first, the routine last."""
    env = f"--env clients/{client.id}"
    found = [
        _try_again(verdict, env),
        _catch_up(evaluation, env),
        _do_not_trust_probabilities(evaluation),
        _learn_longer(client, history),
        _look_at_errors(evaluation, segments),
        (
            say("Score new rows with the champion"),
            say("The predictions carry the version that made them."),
            f"kedro run --pipeline score {env}",
        ),
        (
            say("Compare the versions in the registry"),
            say("Each has its verdict, metrics and data digests."),
            "kedro mlflow ui",
        ),
    ]
    return steps(step for step in found if step)


def _try_again(verdict: dict[str, Any], env: str) -> Step | None:
    if verdict["decision"] != "kept":
        return None
    return (
        say("Decide whether to try again"),
        say("The reasons stand above. Change the recipe or the parameters, then run it all."),
        f"kedro run {env}",
    )


def _catch_up(evaluation: dict[str, Any], env: str) -> Step | None:
    metric = evaluation["primary"]
    found = estimates(evaluation, metric)
    mine = found.get(candidate(evaluation))
    if mine is None or "boosting" not in found or leads(metric, mine, found["boosting"]) >= 0:
        return None
    return (
        say("Close the gap to gradient boosting"),
        say("The simpler model is ahead: other features, more epochs or a larger training budget may help."),
        f"kedro run --pipelines train,evaluate {env}",
    )


def _do_not_trust_probabilities(evaluation: dict[str, Any]) -> Step | None:
    if evaluation.get("checks", {}).get("calibrated", True):
        return None
    return (
        say("Do not read the scores as probabilities"),
        say("Use them to rank only, until predicted and observed agree."),
        "",
    )


def _learn_longer(client: Client, history: list[dict[str, Any]]) -> Step | None:
    best = min(history, key=lambda row: row["validation_loss"], default=None)
    if best is None or best["epoch"] != history[-1]["epoch"]:
        return None
    why = say(
        "The loss was still falling at the end. Raise train.epochs in parameters.yml, or budgets.train_seconds in"
    )
    return (say("Let it learn longer"), why, f"conf/clients/{client.id}/client.yml")


def _look_at_errors(evaluation: dict[str, Any], segments: list[dict[str, Any]]) -> Step:
    metric = evaluation["primary"]
    worst, words = weakest(segments, metric), metric_words(metric)
    notebook = "notebooks/explore/02_model_errors.ipynb"
    if worst is None:
        return (
            say("Look at single errors"),
            say("The notebook shows the rows where it was surest, and wrong."),
            notebook,
        )
    where = say("{column} is {value}", column=worst["column"], value=worst["value"])
    return (
        say("Look at the errors where {where}", where=where),
        say("It is weakest there ({label} {metric}).", label=words.label, metric=words.show(worst[metric])),
        notebook,
    )
