"""Greedy generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.learning.language.chat import prompt_tokens

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from workbench.learning.language.chat import Messages

__all__ = ["answer"]


def answer(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    *,
    max_new_tokens: int,
    batch_size: int,
) -> list[str]:
    """The likeliest next token, again and again, until the model ends its answer or ``max_new_tokens`` are reached.

    Prompts of about the same length are answered together, padded on the left; the answers come in the given order.
    """
    import torch
    from transformers import GenerationConfig

    tokens = [prompt_tokens(tokenizer, messages) for messages in prompts]
    order = sorted(range(len(tokens)), key=lambda index: (len(tokens[index]), index))
    # In the place of the model's own: a sampling temperature in there would be somebody else's choice.
    greedy = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=_ends(model, tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    answers = [""] * len(prompts)
    generator: Any = model
    device = next(iter(model.parameters())).device
    for begin in range(0, len(order), batch_size):
        members = order[begin : begin + batch_size]
        longest = max(len(tokens[index]) for index in members)
        rows = [[tokenizer.pad_token_id] * (longest - len(tokens[index])) + tokens[index] for index in members]
        seen = [[0] * (longest - len(tokens[index])) + [1] * len(tokens[index]) for index in members]
        with torch.no_grad():
            made = generator.generate(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.tensor(seen, device=device),
                generation_config=greedy,
            )
        for index, row in zip(members, made[:, longest:].tolist(), strict=True):
            answers[index] = str(tokenizer.decode(row, skip_special_tokens=True)).strip()
    return answers


def _ends(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that end an answer: the tokenizer's, and those that the model's own settings add."""
    own = getattr(model.generation_config, "eos_token_id", None)
    more = own if isinstance(own, list) else [own] if own is not None else []
    return sorted({int(tokenizer.eos_token_id), *more})
