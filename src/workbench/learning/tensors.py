"""A table on a device."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.learning.encoding import Encoded, TableEncoder, TargetCoder
from workbench.learning.encoding.target import labels

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from workbench.learning.columns import Columns

__all__ = ["CHUNK_ROWS", "TensorTable", "run_network", "to_tensors"]

CHUNK_ROWS = 4_096
"""Rows that pass through a network at once where nothing is learned; bounds the memory."""

Features = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class TensorTable:
    """Encoded rows and their target.

    Attributes:
        features: scores, flags and codes, ``(rows, columns)`` each.
        target: what a loss is computed on.
        labels: the target as metrics take it.
        numbers: of each row, its place in a larger table; None: this is the whole table.
    """

    features: Features
    target: Tensor
    labels: npt.NDArray[Any]
    numbers: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(cls, table: pa.Table, encoder: TableEncoder, columns: Columns, device: torch.device) -> TensorTable:
        """Encode a table and copy it to the device."""
        values = labels(table, columns)
        target = torch.from_numpy(encoder.target.encode(values)).to(device)
        return cls(to_tensors(encoder.features(table), device), target, values)

    @classmethod
    def joined(cls, tables: Sequence[TensorTable]) -> TensorTable:
        """The rows of several, one after the other."""
        numeric, flags, codes = (torch.cat(parts) for parts in zip(*(one.features for one in tables), strict=True))
        target = torch.cat([one.target for one in tables])
        return cls((numeric, flags, codes), target, np.concatenate([one.labels for one in tables]))

    def __len__(self) -> int:
        return len(self.target)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.target.device

    def batch(self, index: Tensor) -> tuple[Features, Tensor]:
        """Some rows."""
        numeric, flags, codes = (part.index_select(0, index) for part in self.features)
        return (numeric, flags, codes), self.target.index_select(0, index)

    def outputs(self, network: nn.Module) -> Tensor:
        """What a network says of every row."""
        return run_network(network, self.features)

    def parts(self, epoch: int) -> Generator[TensorTable]:
        """All rows of an epoch, as tables that lie on the device: this one."""
        yield self

    def places(self, index: Tensor) -> Tensor:
        """The places of some rows in the table that this is a part of."""
        index = index.cpu()
        return index if self.numbers is None else torch.from_numpy(self.numbers)[index]

    def judged(self, network: nn.Module, coder: TargetCoder) -> tuple[float, npt.NDArray[np.float64]]:
        """The loss of the members' mean prediction, and that prediction of every row."""
        from workbench.learning.objectives import ensemble_loss, predictions

        outputs = self.outputs(network)
        return ensemble_loss(coder.task, outputs, self.target).item(), predictions(coder, outputs).cpu().numpy()

    def identity(self) -> Iterator[bytes | memoryview]:
        """What tells this table from others, for a digest: every row."""
        for part in (*self.features, self.target):
            yield str(tuple(part.shape)).encode()
            yield part.cpu().numpy().data

    def close(self) -> None:
        """There is nothing to let go of."""


def to_tensors(encoded: Encoded, device: torch.device) -> Features:
    """Copy matrices to a device."""
    numeric, flags, codes = (
        torch.from_numpy(np.ascontiguousarray(part)).to(device)
        for part in (encoded.numeric, encoded.flags, encoded.codes)
    )
    return numeric, flags, codes


def run_network(network: nn.Module, features: Features) -> Tensor:
    """The outputs ``(rows, members, outputs)`` of a network in evaluation mode, computed in chunks."""
    chunks = zip(*(torch.split(part, CHUNK_ROWS) for part in features), strict=True)
    with torch.inference_mode():
        return torch.cat([_halved(network, chunk) for chunk in chunks])


def _halved(network: nn.Module, chunk: Features) -> Tensor:
    """What a network says of a chunk, in two halves if memory does not hold it whole."""
    rows = len(chunk[0])
    try:
        outputs: Tensor = network(*chunk)
    except torch.OutOfMemoryError:
        if rows == 1:
            raise
    else:
        return outputs
    halves = zip(*(part.tensor_split(2) for part in chunk), strict=True)
    return torch.cat([_halved(network, half) for half in halves])
