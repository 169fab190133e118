"""The running mean of a network's weights while they change."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["RunningMean"]


class RunningMean:
    """An exponential moving average that forgets faster at first, so that the random start does not linger.

    Polyak, Juditsky: "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992.

    Args:
        network: whose weights; buffers that do not change are shared by value.
        decay: a step, in the long run.

    Attributes:
        network: a network with the mean weights, in evaluation mode.
        steps: updates so far.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.steps = decay, 0
        self._means: list[Tensor] = list(self.network.parameters())
        self._weights: list[Tensor] = list(network.parameters())

    def update(self) -> None:
        """Take in the weights as they are now."""
        import torch

        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        if self.steps == 0:
            keep = 0.0
        with torch.no_grad():
            torch._foreach_lerp_(self._means, self._weights, 1 - keep)
        self.steps += 1
