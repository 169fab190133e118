"""Messages as tokens: what the model is given, and what it has to say.

An example is a list of messages ``{"role": …, "content": …}`` that ends with the assistant's. That last one is the
response; all before it, laid out by the tokenizer's chat template, is the prompt. The two are tokenised apart, so that
a model is trained on exactly the tokens that it will be given when it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import DataError, ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["TEMPLATE", "Encoded", "Messages", "encode", "made_ready", "prompt_tokens"]

Messages = Sequence[Mapping[str, str]]

TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}{{ '### ' + message.role + ':\n' + message.content }}"
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)
"""For a tokenizer that has no chat template, as those of base models; it is saved with the tuned model."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of one example; the response ends with the token that ends an answer."""

    prompt: tuple[int, ...]
    response: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


def made_ready(tokenizer: PreTrainedTokenizerBase, name: str) -> PreTrainedTokenizerBase:
    """Give a tokenizer what it lacks: a chat template, and something to pad with."""
    if tokenizer.eos_token is None:
        raise ModelError(
            "its tokenizer has no token that ends an answer",
            where=f"language model '{name}'",
            hint="add `eos_token` to its tokenizer_config.json",
        )
    if tokenizer.chat_template is None:
        tokenizer.chat_template = TEMPLATE
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def encode(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> Encoded:
    """The tokens of an example.

    Raises:
        DataError: the chat template refuses it, as some refuse a system message.
    """
    prompt, whole = _laid_out(tokenizer, messages[:-1], answer=True), _laid_out(tokenizer, messages, answer=False)
    end = str(tokenizer.eos_token)
    # Some templates leave parts of earlier turns out, so that the prompt is no beginning of the whole.
    response = whole.removeprefix(prompt) if whole.startswith(prompt) else messages[-1]["content"]
    response = response[: response.rindex(end)] if end in response else response
    return Encoded(tuple(_tokens(tokenizer, prompt)), (*_tokens(tokenizer, response), int(tokenizer.eos_token_id)))


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> list[int]:
    """The tokens that an answer is asked for with: all messages of an example but the last."""
    return _tokens(tokenizer, _laid_out(tokenizer, messages, answer=True))


def _laid_out(tokenizer: PreTrainedTokenizerBase, messages: Messages, *, answer: bool) -> str:
    from jinja2 import TemplateError

    try:
        return str(
            tokenizer.apply_chat_template(
                [dict(message) for message in messages], tokenize=False, add_generation_prompt=answer
            )
        )
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise DataError(
            f"the model's chat template refuses messages of {roles} ({error})",
            hint="leave the system message out, or take another base model",
        ) from error


def _tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    # The template has written the special tokens already.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
