"""Dropout that draws a byte a neuron."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
        drawn = torch.randint(LOWEST, HIGHEST, ((x.numel() + 7) // 8,), dtype=torch.int64)
        drawn_bytes = drawn.view(torch.uint8)[: x.numel()].view(x.shape)
        # 0 below the cut, else 1: clamping is vectorised, where a comparison goes byte by byte.
        kept = drawn_bytes.clamp(self.cut - 1, self.cut).sub_(self.cut - 1)
        return x * kept.float().mul_(256 / (256 - self.cut)).to(x.dtype)
