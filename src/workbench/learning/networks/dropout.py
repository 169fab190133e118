"""Dropout that draws a byte a neuron."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["Dropout"]


LOWEST, HIGHEST = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max


class Dropout(nn.Module):
    """Dropout (Srivastava and others, JMLR 2014) whose masks are cheap on a CPU.

    torch draws a random number of 32 bits a neuron there, one after the other: a quarter of TabM's step. Eight neurons
    share one number of 64 bits here, and the share of dropped ones is rounded to 1/256. On other devices it is torch's.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.cut = round(share * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Drop, and scale what is left so that the mean stays."""
        if x.device.type != "cpu":
            return F.dropout(x, self.share, self.training)
        if not self.training or not self.cut:
            return x
        return x * _kept(x, self.cut).float().mul_(_scale(self.cut)).to(x.dtype)

    def after_relu(self, x: Tensor) -> Tensor:
        """The same of ``x.relu()``, on a CPU: in fewer passes, since its zeros are those of either."""
        if not self.training or not self.cut:
            return x.relu()
        found: Tensor = _ReluDropout.apply(x, self.cut)  # type: ignore[no-untyped-call]
        return found


class _ReluDropout(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cut: int) -> Tensor:
        found = x.clamp_min(0).mul_(_kept(x, cut).to(x.dtype)).mul_(_scale(cut))
        ctx.save_for_backward(found)
        ctx.cut = cut
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (found,) = ctx.saved_tensors
        passed: Tensor = torch.ops.aten.threshold_backward(gradient, found, 0)
        return passed.mul_(_scale(ctx.cut)), None


def _kept(x: Tensor, cut: int) -> Tensor:
    """A byte a neuron: 1, or 0 if it is dropped."""
    drawn = torch.randint(LOWEST, HIGHEST, ((x.numel() + 7) // 8,), dtype=torch.int64)
    drawn_bytes = drawn.view(torch.uint8)[: x.numel()].view(x.shape)
    # 0 below the cut, else 1: clamping is vectorised, where a comparison goes byte by byte.
    return drawn_bytes.clamp(cut - 1, cut).sub_(cut - 1)


def _scale(cut: int) -> float:
    return 256 / (256 - cut)
