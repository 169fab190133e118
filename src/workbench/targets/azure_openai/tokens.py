"""How many tokens a fine-tuning service will count: tiktoken's number where its tables are, else a bound from above.

tiktoken fetches its tables when they are not cached; nothing is fetched here. Where they lie is tiktoken's own matter:
``TIKTOKEN_CACHE_DIR`` names the folder. Without them the bound is the number of UTF-8 bytes: byte-level byte-pair
encodings start from bytes and only ever join them, so no text has more tokens than bytes. English has about four times
fewer, so a budget that passes by bytes passes by tokens.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ["CONTEXT", "Counter", "counter"]

PER_MESSAGE = 3
"""Tokens around each message, and around the answer; OpenAI's cookbook, "How to count tokens with tiktoken"."""
CONTEXT = 65_536
"""Tokens of one training example of the gpt-4o and gpt-4.1 families; longer ones are cut off by the service."""

_TABLE = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


@dataclass(frozen=True)
class Counter:
    """Counts tokens.

    Attributes:
        by: how; ``bytes`` is a bound from above.
        of: tokens of one text.
    """

    by: Literal["tiktoken", "bytes"]
    of: Callable[[str], int]

    def messages(self, messages: Sequence[Mapping[str, Any]]) -> int:
        """Tokens of chat messages, with what is put around them."""
        return PER_MESSAGE + sum(PER_MESSAGE + sum(self.of(_text(part)) for part in one.values()) for one in messages)

    def example(self, example: Mapping[str, Any]) -> int:
        """Tokens of a training example; of a preference pair, those of both conversations."""
        tools = self.of(_text(example["tools"])) if example.get("tools") else 0
        if "preferred_output" not in example:
            return tools + self.messages(example["messages"])
        given = example["input"]
        both = ([*given["messages"], *example[name]] for name in ("preferred_output", "non_preferred_output"))
        return 2 * tools + sum(self.messages(messages) for messages in both)


def counter(model: str) -> Counter:
    """The best that can be had for a model without fetching anything."""
    name = _encoding(model)
    if name is None or not _is_cached(name):
        return Counter("bytes", lambda text: len(text.encode()))
    import tiktoken

    encoding = tiktoken.get_encoding(name)
    return Counter("tiktoken", lambda text: len(encoding.encode(text, disallowed_special=())))


def _encoding(model: str) -> str | None:
    from tiktoken.model import encoding_name_for_model

    try:
        return encoding_name_for_model(model)
    except KeyError:
        return None


def _is_cached(encoding: str) -> bool:
    """Whether tiktoken would read the table from its cache (``tiktoken.load.read_file_cached``)."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    cache = Path(folder) if folder else Path(tempfile.gettempdir()) / "data-gym-cache"
    return (cache / hashlib.sha1(_TABLE.format(encoding).encode(), usedforsecurity=False).hexdigest()).is_file()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
