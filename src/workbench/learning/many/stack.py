"""Networks of one architecture side by side: their weights as rows of a matrix, and all of them asked at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from workbench.learning.networks import build

if TYPE_CHECKING:
    from workbench.learning.encoding import Inputs
    from workbench.learning.many.layout import Layout
    from workbench.learning.networks import Spec
    from workbench.learning.tensors import Features

__all__ = ["Stack"]


class Stack:
    """Networks of one architecture.

    Args:
        spec: the architecture.
        wide: what the widest of them reads.
        networks: of the same architecture, on the CPU.
        layouts: where each one's columns lie.
        device: where they go.

    Attributes:
        first: their weights, ``(networks, weights)``.
    """

    def __init__(
        self, spec: Spec, wide: Inputs, networks: Sequence[nn.Module], layouts: Sequence[Layout], device: torch.device
    ) -> None:
        with torch.device("meta"):  # its shapes and its forward are what is needed; weights are given in each call
            self.network = build(spec, wide)
        shapes = {name: value.shape for name, value in self.network.state_dict().items()}
        self.shapes = {name: value.shape for name, value in self.network.named_parameters()}
        self.sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.layouts, self.own = list(layouts), [_shapes(network) for network in networks]
        widened = [
            layout.widened(network.state_dict(), shapes) for layout, network in zip(layouts, networks, strict=True)
        ]
        rows = [torch.cat([one[name].flatten() for name in self.shapes]) for one in widened]
        self.first = torch.stack(rows).to(device)
        self.buffers = {
            name: torch.stack([one[name] for one in widened]).to(device) for name in shapes if name not in self.shapes
        }

    def outputs(self, weights: Tensor, features: Features, *, training: bool) -> Tensor:
        """What the first networks say, each of rows of its own.

        Args:
            weights: ``(n, weights)``, of the first ``n`` networks.
            features: ``(n, b, columns)`` each.
            training: with dropout, drawn for each network and row anew.

        Returns:
            ``(n, b, members, outputs)``.
        """
        self.network.train(training)
        count = len(weights)
        named = self.named(weights) | {name: value[:count] for name, value in self.buffers.items()}

        def one(state: dict[str, Tensor], numeric: Tensor, flags: Tensor, codes: Tensor) -> Tensor:
            outputs: Tensor = functional_call(self.network, state, (numeric, flags, codes))
            return outputs

        found: Tensor = vmap(one, randomness="different" if training else "error")(named, *features)
        return found

    def named(self, weights: Tensor) -> dict[str, Tensor]:
        """Views of the rows, by name and in shape."""
        parts = torch.split(weights, self.sizes, dim=1)
        return {
            name: part.view(len(weights), *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def state_of(self, row: int, weights: Tensor) -> dict[str, Tensor]:
        """One network's state, as wide as its table."""
        wide = {name: value[0] for name, value in self.named(weights[row : row + 1]).items()}
        return self.layouts[row].narrowed(
            wide | {name: value[row] for name, value in self.buffers.items()}, self.own[row]
        )

    def only(self, rows: Sequence[int]) -> None:
        """Forget all networks but some."""
        self.layouts, self.own = [self.layouts[row] for row in rows], [self.own[row] for row in rows]
        self.buffers = {name: value[list(rows)] for name, value in self.buffers.items()}


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in network.state_dict().items()}
