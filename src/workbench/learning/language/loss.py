"""Cross-entropy of the response's tokens, a chunk of them at a time.

With a vocabulary of 128,256, the logits of 4,096 tokens are 2.1 GB in float32, and their gradient as much again. Here
only the places that predict a response get logits at all, a few at a time, and the gradients of a chunk are computed
while its logits are there (the idea of Liger Kernel's fused linear cross-entropy: Hsu and others, 2024, section 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["summed_cross_entropy"]

ELEMENTS = 1 << 26
"""Logits that are there at one time: 256 MB in float32."""


def summed_cross_entropy(hidden: Tensor, head: Tensor, targets: Tensor, *, chunk: int | None = None) -> Tensor:
    """The sum over tokens of the cross-entropy of ``hidden @ head.T``, in nats, in float32.

    Args:
        hidden: ``(tokens, size)``.
        head: ``(vocabulary, size)``; gets a gradient if it requires one.
        targets: ``(tokens,)``, of the vocabulary.
        chunk: tokens at a time; by default, what :data:`ELEMENTS` allows.
    """
    chunk = chunk or max(1, ELEMENTS // head.shape[0])
    result: Tensor = _Summed.apply(hidden, head, targets, chunk)  # type: ignore[no-untyped-call]
    return result


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, targets: Tensor, chunk: int) -> Tensor:
        wants_hidden, wants_head = ctx.needs_input_grad[:2]
        total = torch.zeros((), device=hidden.device)
        by_hidden = torch.empty_like(hidden) if wants_hidden else None
        by_head = torch.zeros_like(head, dtype=torch.float32) if wants_head else None
        for begin in range(0, len(hidden), chunk):
            part, wanted = hidden[begin : begin + chunk], targets[begin : begin + chunk, None]
            logits = (part @ head.T).float()
            log_sum = logits.logsumexp(1, keepdim=True)
            total += (log_sum - logits.gather(1, wanted)).sum()
            if by_hidden is None and by_head is None:
                continue
            # d/dlogits = softmax - one-hot, in place of the logits.
            error = logits.sub_(log_sum).exp_()
            error.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=error.dtype))
            error = error.to(hidden.dtype)
            if by_hidden is not None:
                by_hidden[begin : begin + chunk] = error @ head.to(hidden.dtype)
            if by_head is not None:
                by_head += (error.T @ part).float()
        ctx.save_for_backward(by_hidden, None if by_head is None else by_head.to(head.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        by_hidden, by_head = ctx.saved_tensors
        (outer,) = gradients
        return (
            None if by_hidden is None else by_hidden * outer.to(by_hidden.dtype),
            None if by_head is None else by_head * outer.to(by_head.dtype),
            None,
            None,
        )
