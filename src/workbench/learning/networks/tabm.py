"""TabM: many multilayer perceptrons in one, for the price of little more than one."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.learning.encoding import Inputs
from workbench.learning.networks.dropout import Dropout
from workbench.learning.networks.embedding import ColumnEmbedding
from workbench.learning.networks.members import by_hand, member_sums, scaled_weights
from workbench.learning.networks.specs import TabMSpec

__all__ = ["MemberLinear", "SharedLinear", "TabM"]


class SharedLinear(nn.Module):
    """One linear map that ``members`` share, each between two diagonal scalings and with a bias of its own.

    Member *i* computes ``s_i * (W (r_i * x)) + b_i``: Wen, Tran, Ba: "BatchEnsemble", ICLR 2020, equation 5. The
    scalings are multiplied into the rows, which costs a pass over each row for each member, or, where there are many
    rows, into the weights, ``W_i = diag(s_i) W diag(r_i)``, which costs a pass over each weight for each member. A test
    holds outputs and gradients of both ways to those of the package ``tabm``, which scales rows.

    Shape: ``(b, in)``, the same rows for all members, or ``(members, b, in)`` → ``(members, b, out)``.

    Args:
        size: numbers in, numbers out.
        members: how many.
        chunks: for the first layer of a network, the sizes of the columns' parts of the input: the input scalings of a
            part start at one random normal number a member, which makes the members differ from the start. None: all
            scalings start at 1.
    """

    def __init__(self, size: tuple[int, int], members: int, chunks: tuple[int, ...] | None = None) -> None:
        super().__init__()
        read, given = size
        bound = read**-0.5
        self.weight = nn.Parameter(torch.empty(given, read).uniform_(-bound, bound))
        scaling = torch.ones(members, read)
        if chunks is not None:
            drawn = torch.empty(members, len(chunks)).normal_()
            for part, number in zip(scaling.split_with_sizes(chunks, dim=1), drawn.unbind(dim=1), strict=True):
                part.copy_(number.unsqueeze(1))
        self.r = nn.Parameter(scaling)
        self.s = nn.Parameter(torch.ones(members, given))
        self.bias = nn.Parameter(torch.empty(members, given).copy_(torch.empty(given).uniform_(-bound, bound)))

    def forward(self, x: Tensor) -> Tensor:
        """Map."""
        if 2 * x.shape[-2] < 3 * len(self.weight):  # where the two cost the same, as measured
            scaled = x * self.r.unsqueeze(1)
            given = (scaled.flatten(0, 1) @ self.weight.mT).view(*scaled.shape[:2], -1)
            return torch.addcmul(self.bias.unsqueeze(1), given, self.s.unsqueeze(1))
        weights = scaled_weights(self.weight, self.s, self.r)
        if x.ndim == 3:
            return torch.baddbmm(self.bias.unsqueeze(1), x, weights.mT)
        # One product for all members: what they read is the same.
        together = F.linear(x, weights.flatten(0, 1), self.bias.flatten())
        # Contiguous: what is done with it backwards would copy it more slowly.
        return together.view(len(x), *self.s.shape).transpose(0, 1).contiguous()


class MemberLinear(nn.Module):
    """A linear map for each member, with nothing shared: the last layer.

    Shape: ``(members, b, in)`` → ``(members, b, out)``.
    """

    def __init__(self, size: tuple[int, int], members: int) -> None:
        super().__init__()
        read, given = size
        bound = read**-0.5
        self.weight = nn.Parameter(torch.empty(members, read, given).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, given).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map."""
        return member_sums(x, self.weight, self.bias)


class TabM(nn.Module):
    """Embedded columns → a perceptron a member, hidden layers shared → outputs.

    Gorishniy, Kotelnikov, Babenko: "TabM: advancing tabular deep learning with parameter-efficient ensembling", ICLR
    2025, with embeddings of numbers (there TabM†). A member's loss is its own, so that they stay different; their
    predictions are averaged.

    Shape: ``(numeric (b, n), flags (b, f), codes (b, c))`` → ``(b, members, outputs)``.

    Attributes:
        reads_columns: the weights whose last axis is the vector of all columns.
    """

    reads_columns: ClassVar = ("hidden.0.weight", "hidden.0.r")

    def __init__(self, spec: TabMSpec, inputs: Inputs) -> None:
        super().__init__()
        self.embedding = ColumnEmbedding(spec, inputs, linear_start=True)
        self.hidden = nn.ModuleList(
            SharedLinear((spec.width, spec.width), spec.members)
            if at
            else SharedLinear((self.embedding.size, spec.width), spec.members, self.embedding.parts)
            for at in range(spec.blocks)
        )
        self.dropout = Dropout(spec.dropout)
        self.head = MemberLinear((spec.width, inputs.outputs), spec.members)

    def forward(self, numeric: Tensor, flags: Tensor, codes: Tensor) -> Tensor:
        """What each member says."""
        stream = self.embedding(numeric, flags, codes)
        own = by_hand(self.head.weight)
        for hidden in self.hidden:
            stream = self.dropout.after_relu(hidden(stream)) if own else self.dropout(hidden(stream).relu())
        with torch.autocast(stream.device.type, enabled=False):  # its result is what a loss is computed on
            outputs: Tensor = self.head(stream.float())
        return outputs.transpose(0, 1)
