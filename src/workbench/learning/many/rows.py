"""What AdamW, clipping and the running mean of weights do to one network, done to each row of a matrix.

A table has its own number of steps, so that torch's optimiser, which counts one for a whole tensor, does not serve. A
test holds these to ``torch.optim.AdamW``, ``clip_grad_norm_`` and :class:`~workbench.learning.averaging.RunningMean`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from workbench.learning.config import TrainConfig

__all__ = ["Rows"]

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""torch's defaults, which are the paper's."""


class Rows:
    """Weights of many networks, ``(networks, weights)``, and all that their training keeps of them.

    Args:
        weights: the first ones; they become the rows' own.
        configs: how each is trained.

    Attributes:
        weights: as they are.
        average: their running mean.
        best: the mean of the best epoch.
    """

    def __init__(self, weights: Tensor, configs: Sequence[TrainConfig]) -> None:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64, device=weights.device).unsqueeze(1)

        self.weights = weights
        self.average, self.best = weights.clone(), weights.clone()
        self.first, self.second = torch.zeros_like(weights), torch.zeros_like(weights)
        self.steps = column([0.0] * len(configs))
        self.rate = column([config.learning_rate for config in configs])
        self.decay = column([config.weight_decay for config in configs])
        self.clipping = column([config.clipping for config in configs])
        self.keep = column([config.averaging for config in configs])

    def step(self, count: int, gradient: Tensor) -> None:
        """Change the first ``count`` rows by their gradients, ``(count, weights)``.

        AdamW as in Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
        """
        weights, first, second = self.weights[:count], self.first[:count], self.second[:count]
        steps, rate = self.steps[:count], self.rate[:count]
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        gradient = gradient * (self.clipping[:count] / (norm + 1e-6)).clamp(max=1).float()
        before = steps.clone()
        steps += 1
        weights.mul_((1 - rate * self.decay[:count]).float())
        first.lerp_(gradient, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        scale = (1 - BETAS[1] ** steps).sqrt().float()
        step_size = (rate / (1 - BETAS[0] ** steps)).float()
        weights.sub_(first / ((second.sqrt() / scale).add_(EPSILON)) * step_size)
        kept = torch.minimum(self.keep[:count], (1 + before) / (10 + before)) * (before > 0)
        self.average[:count].lerp_(weights, (1 - kept).float())

    def keep_best(self, better: Tensor) -> None:
        """Take the running mean for the best of the rows that are marked, ``(networks,)``."""
        torch.where(better.unsqueeze(1), self.average, self.best, out=self.best)

    def only(self, rows: Tensor) -> None:
        """Forget all rows but some."""
        for name, value in vars(self).items():
            setattr(self, name, value.index_select(0, rows))
