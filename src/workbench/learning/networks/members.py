"""Products of each member of an ensemble, with backward passes that stay in a CPU's cache.

What autograd derives from the plain expressions reads and writes a matrix of all members, two megabytes in the default
network, once for each factor: on a CPU half of a training step went into that, and not into the products. Here each
member's part is gone through while it lies in the cache. The results are the same up to rounding; tests hold them to
autograd's. Elsewhere (CUDA, ``vmap``, ``torch.compile``, which fuses passes itself) the plain expressions are used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["by_hand", "member_sums", "scaled_weights"]


def scaled_weights(weight: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """``diag(rows_i) W diag(columns_i)`` of each member *i*: ``(members, *W.shape)``; in bfloat16 if products are."""
    if not by_hand(rows):
        return weight * rows.unsqueeze(2) * columns.unsqueeze(1)
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype
    found: Tensor = _ScaledWeights.apply(weight, rows, columns, kind)  # type: ignore[no-untyped-call]
    return found


def member_sums(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``x_i W_i + b_i`` of each member: ``(members, b, in)``, ``(members, in, out)`` → ``(members, b, out)``."""
    if weight.shape[2] > 1 or not by_hand(weight):
        return torch.baddbmm(bias.unsqueeze(1), x, weight)
    found: Tensor = _MemberSums.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return found


def by_hand(weight: Tensor) -> bool:
    """Whether passes are written out for a CPU, or left to autograd. Under vmap, a weight is no parameter."""
    return weight.device.type == "cpu" and isinstance(weight, nn.Parameter) and not torch.compiler.is_compiling()


class _ScaledWeights(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: Tensor, columns: Tensor, kind: torch.dtype) -> Tensor:
        ctx.save_for_backward(weight, rows, columns)
        return (weight * rows.unsqueeze(2) * columns.unsqueeze(1)).to(kind)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        weight, rows, columns = ctx.saved_tensors
        of_weight, of_rows, of_columns = torch.zeros_like(weight), torch.empty_like(rows), torch.empty_like(columns)
        part, product = torch.empty_like(weight), torch.empty_like(weight)
        for member in range(len(rows)):
            part.copy_(gradient[member])
            torch.mul(part, weight, out=product)
            torch.mv(product, columns[member], out=of_rows[member])
            torch.mv(product.T, rows[member], out=of_columns[member])
            of_weight.addcmul_(part.mul_(rows[member].unsqueeze(1)), columns[member])
        return of_weight, of_rows, of_columns, None


class _MemberSums(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        found = x.new_empty(*x.shape[:2], 1)
        for member in range(len(weight)):
            torch.addmv(bias[member], x[member], weight[member, :, 0], out=found[member, :, 0])
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_weight = torch.empty_like(weight)
        for member in range(len(weight)):
            torch.mv(x[member].T, gradient[member, :, 0], out=of_weight[member, :, 0])
        return gradient * weight.mT, of_weight, gradient.sum(1)
