"""What is settled before the first step: tokens, rate, optimiser, and the name of all that the result depends on."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from workbench.learning.language.chat import Encoded, Messages
    from workbench.learning.language.config import TuneConfig
    from workbench.learning.language.tuned import Record

__all__ = ["adamw", "encoded", "fingerprint", "rate"]

_LOG = logging.getLogger(__name__)


def rate(step: int, steps: int, warmup: float) -> float:
    """The learning rate of a step (from 0), as a share of the highest: a line up, then half a cosine down to 0."""
    rising = math.ceil(steps * warmup)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def adamw(learning: dict[str, Tensor], config: TuneConfig) -> torch.optim.AdamW:
    """The optimiser; biases and norms do not decay."""
    import torch

    matrices = [value for value in learning.values() if value.ndim > 1]
    others = [value for value in learning.values() if value.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.learning_rate, fused=True)


def encoded(tokenizer: Any, examples: Sequence[Messages], longest: int, what: str) -> list[Encoded]:
    """The tokens of the examples that are not too long; ``what`` they are for, for people."""
    from workbench.learning.language.chat import encode

    found = [encode(tokenizer, messages) for messages in examples]
    kept = [example for example in found if len(example) <= longest]
    if not kept:
        shortest = min((len(example) for example in found), default=0)
        raise DataError(
            f"no {what} example has {longest} tokens or fewer; the shortest of {len(found)} has {shortest}",
            hint="raise tune.train.sequence_length",
        )
    if len(kept) < len(found):
        _LOG.warning(
            "%d of %d %s examples have more than %d tokens and are left out",
            len(found) - len(kept),
            len(found),
            what,
            longest,
        )
    return kept


def fingerprint(record: Record, train: Sequence[Encoded], validation: Sequence[Encoded]) -> str:
    """All that the result depends on: base, settings, and each token."""
    digest = hashlib.sha256(json.dumps(record.to_dict(), sort_keys=True).encode())
    for fold in (train, validation):
        for example in fold:
            digest.update(json.dumps([example.prompt, example.response]).encode())
    return digest.hexdigest()
