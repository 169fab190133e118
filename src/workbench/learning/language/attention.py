"""Causal attention within each example of a packed row, without a mask.

A mask of the row's length squared would cost memory and keep SDPA from its fastest kernels. Here the examples of one
row become the batch of an ordinary causal attention: those of about the same length (up to the next power of two) are
padded on the right to the longest of them. A query never looks to its right, so no token of an example sees its
padding, and what the padding computes is dropped. No other layer computes any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel

__all__ = ["Segments", "packed_attention"]

NAME = "workbench_packed"
REFUSED = ("softcap", "s_aux", "position_bias", "cache")
"""What some architectures ask of an attention, and this one does not do."""


@dataclass(frozen=True)
class _Group:
    """Examples of about the same length: ``gather`` is ``(examples, longest)``, ``keep`` marks what is not padding."""

    gather: Tensor
    keep: Tensor


@dataclass(frozen=True)
class Segments:
    """The examples of a row.

    Attributes:
        lengths: their tokens, in order.
        groups: them, by length; empty if there is one example.
        back: ``(length,)``: where each token of the row is among what the groups give out.
    """

    lengths: tuple[int, ...]
    groups: tuple[_Group, ...]
    back: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Segments:
        """Sort the examples of a row into groups."""
        import torch

        starts = [0, *accumulate(lengths)]
        by_size: dict[int, list[int]] = {}
        for index, length in enumerate(lengths):
            by_size.setdefault((length - 1).bit_length(), []).append(index)
        groups: list[_Group] = []
        order: list[Tensor] = []
        for members in by_size.values():
            size = torch.tensor([lengths[index] for index in members])[:, None]
            steps = torch.arange(int(size.max()))[None]
            gather = torch.tensor([starts[index] for index in members])[:, None] + steps.minimum(size - 1)
            keep = steps < size
            order.append(gather[keep])
            groups.append(_Group(gather.to(device), keep.to(device)))
        back = torch.empty(starts[-1], dtype=torch.long)
        back[torch.cat(order)] = torch.arange(starts[-1])
        return cls(tuple(lengths), tuple(groups) if len(lengths) > 1 else (), back.to(device))


@contextmanager
def packed_attention(model: PreTrainedModel) -> Iterator[None]:
    """In the block, the model's forward takes ``segments=``; after it, its attention is what it was.

    Raises:
        ModelError: the architecture does not let its attention be chosen, or mixes tokens by something else as well.
    """
    from transformers import AttentionInterface

    kinds = {str(kind) for kind in getattr(model.config, "layer_types", None) or ()}
    if not getattr(model, "_supports_attention_backend", False) or kinds - {"full_attention", "sliding_attention"}:
        raise ModelError(
            f"architecture '{model.config.model_type}' cannot take packed examples",
            hint="take a decoder with softmax attention in every layer, such as Llama, Qwen or Mistral",
        )
    AttentionInterface.register(NAME, _attend)
    before = model.config._attn_implementation  # noqa: SLF001 - transformers has no public name for it
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    segments: Segments,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: ``(1, heads, length, size)`` each, perhaps fewer heads of key and value.

    Returns:
        ``(1, length, heads, size)``, and no weights.
    """
    import torch

    _refuse(segments, sliding_window, others)
    if not segments.groups:
        return _causal(query, key, value, scaling, dropout).transpose(1, 2), None
    parts = []
    for group in segments.groups:
        q, k, v = (_taken(one, group.gather) for one in (query, key, value))
        parts.append(_causal(q, k, v, scaling, dropout).transpose(1, 2)[group.keep])
    return torch.cat(parts).index_select(0, segments.back)[None], None


def _taken(states: Tensor, gather: Tensor) -> Tensor:
    """``(1, heads, length, size)`` → ``(examples, heads, longest, size)``."""
    heads, size = states.shape[1], states.shape[3]
    flat = states[0].index_select(1, gather.flatten())
    return flat.view(heads, *gather.shape, size).transpose(0, 1)


def _causal(query: Tensor, key: Tensor, value: Tensor, scaling: float | None, dropout: float) -> Tensor:
    from torch.nn.functional import scaled_dot_product_attention

    grouped = query.shape[1] != key.shape[1]
    return scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scaling, dropout_p=dropout, enable_gqa=grouped
    )


def _refuse(segments: Segments, sliding_window: int | None, others: dict[str, Any]) -> None:
    asked = [name for name in REFUSED if others.get(name) is not None]
    if asked:
        raise ModelError(
            f"its attention wants '{asked[0]}', which packed examples do not have", hint="take another base"
        )
    longest = max(segments.lengths)
    if sliding_window is not None and longest > sliding_window:
        raise ModelError(
            f"an example of {longest} tokens is longer than the model's attention window of {sliding_window}",
            hint=f"set tune.train.sequence_length to {sliding_window} or less",
        )
