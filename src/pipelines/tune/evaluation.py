"""The answers of the base and of the tuned model to the same held-out prompts, beside each other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.tune.checking import Message
from pipelines.tune.examples import fresh_key
from pipelines.tune.parameters import EvaluateSettings
from workbench.learning.language.scores import exact_match, rouge_l

if TYPE_CHECKING:
    from pipelines.tune.answering import Answering
    from pipelines.tune.judge import Judge

__all__ = ["MODELS", "answers_of", "averages", "chosen", "graded", "scored"]

MODELS = ("base", "tuned")

Example = Sequence[Message]


def chosen(examples: Sequence[Mapping[str, Any]], count: int) -> list[list[Message]]:
    """At most so many examples, always the same ones: those whose digests come first."""
    return sorted((example["messages"] for example in examples), key=fresh_key)[:count]


def answers_of(tuned: Answering, examples: Sequence[Example], settings: EvaluateSettings) -> list[str]:
    """What a model says to the prompts of the examples."""
    prompts = [messages[:-1] for messages in examples]
    return tuned.answer(prompts, max_new_tokens=settings.max_new_tokens, batch_size=settings.batch_size)


def scored(examples: Sequence[Example], answers: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """One row an example: prompt, reference, and of each model the answer and its scores."""
    rows = []
    for number, messages in enumerate(examples):
        reference = messages[-1]["content"]
        row: dict[str, Any] = {"prompt": list(messages[:-1]), "reference": reference}
        for model, said in answers.items():
            answer = said[number]
            scores = {"exact_match": exact_match(answer, reference), "rouge_l": rouge_l(answer, reference)}
            row[model] = {"answer": answer, **scores}
        rows.append(row)
    return rows


def graded(rows: Sequence[dict[str, Any]], judge: Judge, count: int) -> int:
    """Let the judge grade the answers of the first rows; it is not told whose they are.

    Returns:
        How many times it gave no grade. A row counts if all of its answers have one, so that models are compared on
        the same examples.
    """
    missing = 0
    for row in rows[:count]:
        models = [model for model in row if model not in {"prompt", "reference"}]
        grades = {model: judge.grade(row["prompt"], row["reference"], row[model]["answer"]) for model in models}
        missing += sum(grade is None for grade in grades.values())
        if None not in grades.values():
            for model, grade in grades.items():
                row[model]["judge"] = grade
    return missing


def averages(rows: Sequence[Mapping[str, Any]], losses: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """The mean of each score, a model; ``judge`` over the graded rows, if there are any."""
    found: dict[str, dict[str, float | None]] = {}
    for model, loss in losses.items():
        means = {
            name: statistics.fmean(values) if values else None
            for name in ("exact_match", "rouge_l", "judge")
            if (values := [row[model][name] for row in rows if name in row[model]]) or name != "judge"
        }
        found[model] = {**means, "loss": loss if math.isfinite(loss) else None}
    return found
