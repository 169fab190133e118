"""From columns to vectors: numbers through a piecewise-linear encoding, categories through a lookup."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from workbench.learning.encoding import UNSEEN, Inputs
from workbench.learning.networks.specs import Spec

__all__ = ["CategoryEmbedding", "ColumnEmbedding", "PiecewiseLinearEmbedding", "embedding_size"]

FORGOTTEN = 0.01
"""Share of categories that are hidden in training, so that there is something to learn for the unseen ones."""


class PiecewiseLinearEmbedding(nn.Module):
    """Each number becomes a vector that is a piecewise-linear function of it.

    The number is first encoded as how far each bin between two quantiles is filled, from 0 to 1, and that encoding is
    mapped linearly, by weights of the column's own, beside a plain linear term. Gorishniy, Rubachev, Babenko: "On
    embeddings for numerical features in tabular deep learning", NeurIPS 2022, section 3.2, there called "Q-L"; the
    linear term as in "TabM", ICLR 2025.

    Shape: ``(b, n)`` → ``(b, n * size)``.

    Args:
        edges: of each column, the strictly increasing values at which the pieces meet.
        bins: at most so many pieces.
        size: length of each column's vector.
        linear_start: whether all pieces start at 0, so that what is not linear has to be learned (as "TabM" does it, in
            rtdl_num_embeddings version "B").
    """

    slope: Tensor
    offset: Tensor

    def __init__(
        self, edges: tuple[tuple[float, ...], ...], bins: int, size: int, *, linear_start: bool = False
    ) -> None:
        super().__init__()
        columns = len(edges)
        # filled = clamp(x * slope + offset); a bin that a column does not have keeps slope 0 and is never filled.
        slope, offset = torch.zeros(columns, bins), torch.zeros(columns, bins)
        for column, values in enumerate(edges):
            places = torch.linspace(0, len(values) - 1, min(bins + 1, len(values)), device="cpu").round().long()
            ends = torch.tensor(values, dtype=torch.float64, device="cpu")[places]
            steep = 1 / ends.diff()
            slope[column, : len(steep)] = steep.float()
            offset[column, : len(steep)] = (-ends[:-1] * steep).float()
        self.register_buffer("slope", slope)
        self.register_buffer("offset", offset)
        spread = 0.0 if linear_start else 0.5 * bins**-0.5
        self.pieces = nn.Parameter(torch.empty(columns, bins, size).normal_(std=spread))
        self.linear = nn.Parameter(torch.empty(columns, size).normal_(std=0.3))
        self.bias = nn.Parameter(torch.zeros(columns, size))

    def forward(self, numeric: Tensor) -> Tensor:
        """Embed."""
        numbers = numeric.unsqueeze(-1)
        # A column at a time, as the product wants it: (n, b, t).
        filled = torch.addcmul(self.offset.unsqueeze(1), numbers.transpose(0, 1), self.slope.unsqueeze(1)).clamp(0, 1)
        embedded = torch.bmm(filled, self.pieces).transpose(0, 1)
        return (embedded + torch.addcmul(self.bias, numbers, self.linear)).flatten(1)


class CategoryEmbedding(nn.Module):
    """Each category becomes a learned vector; a few are hidden in training, see :data:`FORGOTTEN`.

    Shape: ``(b, c)`` of whole numbers → ``(b, sum of sizes)``.
    """

    def __init__(self, cardinalities: tuple[int, ...], largest: int) -> None:
        super().__init__()
        tables = [nn.Embedding(count, embedding_size(count, largest)) for count in cardinalities]
        for table in tables:
            nn.init.normal_(table.weight, std=0.1)
        self.tables = nn.ModuleList(tables)
        self.sizes = tuple(table.embedding_dim for table in tables)

    def forward(self, codes: Tensor) -> Tensor:
        """Look up."""
        if self.training:
            codes = codes.masked_fill(torch.rand(codes.shape, device=codes.device) < FORGOTTEN, UNSEEN)
        return torch.cat([table(codes[:, place]) for place, table in enumerate(self.tables)], dim=1)


class ColumnEmbedding(nn.Module):
    """All columns of a row as one vector of length ``size``, of which each column has one of the ``parts``."""

    def __init__(self, spec: Spec, inputs: Inputs, *, linear_start: bool = False) -> None:
        super().__init__()
        self.numeric = (
            PiecewiseLinearEmbedding(inputs.edges, spec.bins, spec.embedding, linear_start=linear_start)
            if inputs.edges
            else None
        )
        self.categorical = (
            CategoryEmbedding(inputs.cardinalities, spec.largest_embedding) if inputs.cardinalities else None
        )
        self.parts = (1,) * inputs.flags + (spec.embedding,) * len(inputs.edges)
        if self.categorical is not None:
            self.parts += self.categorical.sizes
        self.size = sum(self.parts)

    def forward(self, numeric: Tensor, flags: Tensor, codes: Tensor) -> Tensor:
        """Embed and put side by side."""
        parts = [flags]
        if self.numeric is not None:
            parts.append(self.numeric(numeric))
        if self.categorical is not None:
            parts.append(self.categorical(codes))
        return torch.cat(parts, dim=1)


def embedding_size(count: int, largest: int) -> int:
    """Neurons for a category with ``count`` values: 1.6 count^0.56, the rule of fastai's tabular learner."""
    return min(largest, round(1.6 * math.pow(count, 0.56)))
