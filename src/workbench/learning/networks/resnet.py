"""A residual network for tables."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from workbench.learning.encoding import Inputs
from workbench.learning.networks.embedding import ColumnEmbedding
from workbench.learning.networks.specs import ResNetSpec

__all__ = ["ResNet"]


class ResNet(nn.Module):
    """Embedded columns → residual blocks → outputs.

    After the ResNet of Gorishniy, Rubachev, Khrulkov, Babenko: "Revisiting deep learning models for tabular data",
    NeurIPS 2021, section 3.2. LayerNorm stands for its BatchNorm: a batch of one row can be learned from, a row's
    prediction does not hang on its neighbours, and averaged weights need no second pass for the running statistics.

    Shape: ``(numeric (b, n), flags (b, f), codes (b, c))`` → ``(b, 1, outputs)``.

    Attributes:
        reads_columns: the weights whose last axis is the vector of all columns.
    """

    reads_columns: ClassVar = ("stem.1.weight",)

    def __init__(self, spec: ResNetSpec, inputs: Inputs) -> None:
        super().__init__()
        self.embedding = ColumnEmbedding(spec, inputs)
        self.stem = nn.Sequential(nn.Dropout(spec.input_dropout), nn.Linear(self.embedding.size, spec.width))
        self.blocks = nn.ModuleList(_block(spec.width, spec.dropout) for _ in range(spec.blocks))
        self.head = nn.Sequential(nn.LayerNorm(spec.width), nn.ReLU(), nn.Linear(spec.width, inputs.outputs))

    def forward(self, numeric: Tensor, flags: Tensor, codes: Tensor) -> Tensor:
        """One member, so the middle axis has length 1."""
        stream = self.stem(self.embedding(numeric, flags, codes))
        for block in self.blocks:
            stream = stream + block(stream)
        outputs: Tensor = self.head(stream)
        return outputs.unsqueeze(1)


def _block(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)
    )
