"""What a tuning will cost, before anything is sent; and the budget that refuses.

Training costs ``tokens * epochs * price of a trained token``, for supervised tuning and preference pairs alike
(https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning-cost-management). Added to that is the
comparison on held-out examples: every prompt to both models, each answer as long as it may be, and the hours for which
the deployment of the tuned model is up for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workbench.errors import OverBudget
from workbench.targets.azure_openai.token_prices import ModelPrice
from workbench.targets.azure_openai.tokens import CONTEXT, Counter

__all__ = ["Estimate", "estimate", "refuse_over_budget"]

HOSTED_HOURS = 1.0
"""For which a deployment is paid by a comparison."""
MOST_AUTO_EPOCHS = 25
"""``epochs: auto`` lets the service choose; OpenAI's cookbook gives its range as 1 to 25."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Estimate:
    """An estimate, from above.

    Attributes:
        model: the base model.
        examples: lines to train on.
        tokens: of the training file.
        counted_by: ``tiktoken``, or ``bytes``: a bound from above.
        epochs: passes that are paid.
        longest: tokens of the longest example.
        training: what it costs, in the currency.
        evaluation: what the held-out examples cost, at most.
        hosting: what the deployment costs while they are answered.
        currency: ISO 4217.
        prices_of: day of the price table.
    """

    model: str
    examples: int
    tokens: int
    counted_by: str
    epochs: int
    longest: int
    training: float
    evaluation: float
    hosting: float
    currency: str
    prices_of: str

    @property
    def total(self) -> float:
        """All of it."""
        return self.training + self.evaluation + self.hosting

    def to_dict(self) -> dict[str, Any]:
        """For JSON; to four places."""
        rounded = {name: round(getattr(self, name), 4) for name in ("training", "evaluation", "hosting", "total")}
        return {**asdict(self), **rounded}

    def __str__(self) -> str:
        bound = " at most" if self.counted_by == "bytes" else ""
        return (
            f"{self.model}: {self.examples} examples of{bound} {self.tokens:,} tokens, {self.epochs} times: "
            f"training {self.training:.2f}, evaluation {self.evaluation:.2f}, hosting {self.hosting:.2f}, "
            f"together at most {self.total:.2f} {self.currency} (prices of {self.prices_of}, "
            f"tokens by {self.counted_by})"
        )


def estimate(
    model: str,
    train: Sequence[Mapping[str, Any]],
    held_out: Sequence[Sequence[Mapping[str, Any]]],
    *,
    epochs: int | None,
    answer_tokens: int,
    price: ModelPrice,
    counter: Counter,
) -> Estimate:
    """Estimate a tuning.

    Args:
        model: the base model, as the service calls it.
        train: examples as they are sent.
        held_out: the prompts that both models will answer.
        epochs: passes; None if the service chooses.
        answer_tokens: longest answer to a held-out prompt.
        price: the provider's.
        counter: of tokens.
    """
    lengths = [counter.example(example) for example in train]
    paid = epochs or MOST_AUTO_EPOCHS
    # What is longer than the service reads is cut off, and not paid.
    tokens = sum(min(length, CONTEXT) for length in lengths)
    asked = sum(counter.messages(prompt) for prompt in held_out)
    return Estimate(
        model=model,
        examples=len(train),
        tokens=tokens,
        counted_by=counter.by,
        epochs=paid,
        longest=max(lengths, default=0),
        training=tokens * paid * price.training / MILLION,
        evaluation=_answers(price, asked, len(held_out) * answer_tokens),
        hosting=HOSTED_HOURS * price.hosting,
        currency=price.currency,
        prices_of=price.day,
    )


def refuse_over_budget(made: Estimate, budget: float, client: str) -> None:
    """Refuse what would cost more than the client allows.

    Raises:
        OverBudget: it would.
    """
    if made.total > budget:
        raise OverBudget(
            f"it may cost {made.total:.2f} {made.currency}, and hosted.budget is {budget:.2f}; nothing was sent",
            where=f"client {client}",
            tried=str(made),
            hint="train on fewer examples or epochs, take a smaller model, or raise hosted.budget in client.yml",
        )


def _answers(price: ModelPrice, asked: int, answered: int) -> float:
    return (asked * (price.input + price.base_input) + answered * (price.output + price.base_output)) / MILLION
