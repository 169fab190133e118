"""From rows to three folds of examples: checked, masked, each once, with statistics.

Which fold an example is in is told by a hash of its prompt alone, so it stays there when others are added, and two
answers to one question never stand on both sides.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipelines.tune.checking import Invalid, Message, rejected_of, to_messages
from pipelines.tune.masking import mask
from pipelines.tune.parameters import ExampleSettings
from workbench.errors import DataError

__all__ = ["FOLDS", "Fold", "Prepared", "describe", "fold_of", "fresh_key", "prepare"]

Fold = Literal["train", "validation", "test"]
FOLDS: tuple[Fold, ...] = ("train", "validation", "test")


@dataclass
class Prepared:
    """Examples by fold, in the order of the file, and what became of the others.

    Attributes:
        folds: chat messages, the assistant's last.
        read: rows that were read.
        duplicates: rows left out because another says the same.
        masked: personal data found, by kind.
        rejected: the worse answers of preference pairs, by the example's key.
    """

    folds: dict[Fold, list[list[Message]]] = field(default_factory=lambda: {fold: [] for fold in FOLDS})
    read: int = 0
    duplicates: int = 0
    masked: Counter[str] = field(default_factory=Counter)
    rejected: dict[str, str] = field(default_factory=dict)

    def rows(self, fold: Fold) -> list[dict[str, Any]]:
        """The examples of a fold as ``{"messages": […]}``; of a preference pair with ``rejected``, too."""
        worse = (self.rejected.get(fresh_key(messages)) for messages in self.folds[fold])
        pairs = zip(self.folds[fold], worse, strict=True)
        return [{"messages": one} | ({} if rejected is None else {"rejected": rejected}) for one, rejected in pairs]


def prepare(rows: Iterable[tuple[str, Any]], settings: ExampleSettings, source: str) -> Prepared:
    """Check, mask, drop what is there already, and split.

    Args:
        rows: each with the place where it stands.
        settings: the client's.
        source: the file or table, for an error about all of it.

    Raises:
        DataError: a row is wrong (the first is named, the others are counted), or a fold stays empty.
    """
    prepared, seen = Prepared(), set[str]()
    wrong: list[tuple[str, str]] = []
    for where, row in rows:
        prepared.read += 1
        try:
            messages, rejected = to_messages(row, settings), rejected_of(row, settings)
        except Invalid as problem:
            wrong.append((where, str(problem)))
            continue
        if settings.mask:
            messages = [_masked(message, prepared.masked) for message in messages]
            rejected = rejected and _masked({"content": rejected}, prepared.masked)["content"]
        key = fresh_key(messages)
        if key in seen:
            prepared.duplicates += 1
            continue
        seen.add(key)
        if rejected is not None:
            prepared.rejected[key] = rejected
        prepared.folds[fold_of(messages, settings)].append(messages)
    if wrong:
        where, problem = wrong[0]
        more = f" (and {len(wrong) - 1} more lines after it)" if len(wrong) > 1 else ""
        raise DataError(problem, where=where, hint=f"correct it{more}; docs/tune.md shows what a line looks like")
    _refuse_empty(prepared, source)
    return prepared


def fold_of(messages: list[Message], settings: ExampleSettings) -> Fold:
    """The fold of a prompt: a number in [0, 1) that its hash gives, against the shares."""
    place = int.from_bytes(hashlib.sha256(_normal(messages[:-1])).digest()[:8]) / 2**64
    if place < settings.test:
        return "test"
    return "validation" if place < settings.test + settings.validation else "train"


def fresh_key(messages: list[Message]) -> str:
    """The same for two examples that differ in Unicode form (NFKC) or white space only."""
    return hashlib.sha256(_normal(messages)).hexdigest()


def describe(
    prepared: Prepared, source: str, tokens: Callable[[list[Message]], tuple[int, int]] | None
) -> dict[str, Any]:
    """The summary as JSON: counts, and a fold's lengths in characters and, with a tokenizer, in tokens.

    Args:
        prepared: the examples.
        source: the file or table.
        tokens: tokens of prompt and response; None if no model was named.
    """
    folds = {}
    for name, examples in prepared.folds.items():
        lengths = {
            "prompt_characters": [sum(len(one["content"]) for one in messages[:-1]) for messages in examples],
            "response_characters": [len(messages[-1]["content"]) for messages in examples],
        }
        if tokens:
            pairs = [tokens(messages) for messages in examples]
            lengths["prompt_tokens"] = [prompt for prompt, _ in pairs]
            lengths["response_tokens"] = [response for _, response in pairs]
            lengths["tokens"] = [sum(pair) for pair in pairs]
        folds[name] = {"examples": len(examples)} | {key: _spread(values) for key, values in lengths.items()}
    return {
        "source": source,
        "read": prepared.read,
        "duplicates": prepared.duplicates,
        "masked": dict(sorted(prepared.masked.items())),
        "folds": folds,
    }


def _masked(message: Message, found: Counter[str]) -> Message:
    text, kinds = mask(message["content"])
    found.update(kinds)
    return {**message, "content": text}


def _normal(messages: list[Message]) -> bytes:
    texts = [[one["role"], " ".join(unicodedata.normalize("NFKC", one["content"]).split())] for one in messages]
    return json.dumps(texts, ensure_ascii=False).encode()


def _spread(values: list[int]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "mean": round(statistics.fmean(ordered), 1),
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "largest": ordered[-1],
        "total": sum(ordered),
    }


def _refuse_empty(prepared: Prepared, source: str) -> None:
    for name, examples in prepared.folds.items():
        if not examples:
            kept = sum(len(fold) for fold in prepared.folds.values())
            raise DataError(
                f"no example falls to the fold '{name}': {prepared.read} were read, {kept} differ from each other",
                where=source,
                hint=f"bring more examples, or raise tune.examples.{name}" if name != "train" else "bring examples",
            )
