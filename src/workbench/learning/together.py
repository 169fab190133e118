"""Several processes that train one network: each learns from its part of every batch.

Data-parallel training (Li and others: "PyTorch distributed", VLDB 2020) with one reduction a step: the gradients lie
in one vector, so that a small network costs one message and not one a weight. ``torchrun`` starts the processes and
says who they are in ``RANK``, ``WORLD_SIZE`` and ``LOCAL_RANK``, where :func:`~workbench.learning.fit` looks. Every
process holds the whole table, draws nothing that the others have to know, and ends with the same weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.nn import Parameter

__all__ = ["Alone", "Crew", "Group", "crew"]


class Alone:
    """One process: nobody to agree with."""

    rank, size = 0, 1

    def part(self, index: Tensor) -> Tensor:
        """The rows of a batch that this process learns from."""
        return index

    def order(self, order: Tensor) -> Tensor:
        """The first process's order of the rows."""
        return order

    def share_gradients(self, parameters: Sequence[Parameter], weight: float) -> None:
        """Make each gradient the sum over the processes, each weighted."""

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes."""
        return values

    def least(self, numbers: Sequence[int]) -> list[int]:
        """The smallest that any process says, of each."""
        return list(numbers)

    def first(self, flag: bool) -> bool:
        """What the first process says; asked of all at once."""
        return flag

    def all(self, flag: bool) -> bool:
        """Whether every process says yes."""
        return flag


class Group(Alone):
    """Processes that ``torch.distributed`` has joined; every method is called by all of them, in the same order."""

    def __init__(self) -> None:
        import torch.distributed as dist

        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def part(self, index: Tensor) -> Tensor:
        """The rows of a batch that this process learns from."""
        return index.tensor_split(self.size)[self.rank]

    def order(self, order: Tensor) -> Tensor:
        """The first process's order of the rows."""
        import torch.distributed as dist

        dist.broadcast(order, 0)
        return order

    def share_gradients(self, parameters: Sequence[Parameter], weight: float) -> None:
        """Make each gradient the sum over the processes, each weighted."""
        import torch
        import torch.distributed as dist

        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients]).mul_(weight)
        dist.all_reduce(together)
        begin = 0
        for gradient in gradients:
            gradient.copy_(together[begin : begin + gradient.numel()].view_as(gradient))
            begin += gradient.numel()

    def total(self, values: Tensor) -> Tensor:
        """The sum over the processes."""
        import torch.distributed as dist

        dist.all_reduce(values)
        return values

    def least(self, numbers: Sequence[int]) -> list[int]:
        """The smallest that any process says, of each."""
        import torch
        import torch.distributed as dist

        said = torch.tensor(list(numbers), dtype=torch.int64, device=self._device())
        dist.all_reduce(said, dist.ReduceOp.MIN)
        return [int(number) for number in said.tolist()]

    def first(self, flag: bool) -> bool:
        """What the first process says; asked of all at once."""
        import torch
        import torch.distributed as dist

        said = torch.tensor([flag], dtype=torch.int32, device=self._device())
        dist.broadcast(said, 0)
        return bool(said.item())

    def all(self, flag: bool) -> bool:
        """Whether every process says yes."""
        import torch

        return self.total(torch.tensor([flag], dtype=torch.int32, device=self._device())).item() == self.size

    @staticmethod
    def _device() -> torch.device:
        """Where a message has to lie."""
        import torch
        import torch.distributed as dist

        return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


Crew = Alone | Group


@contextmanager
def crew(device: torch.device, batch_size: int) -> Iterator[Crew]:
    """Join the processes that ``torchrun`` started, until the block ends; without it, be alone.

    Raises:
        ModelError: there are more processes than a batch has rows for.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Alone()
        return
    import torch
    import torch.distributed as dist

    if batch_size < 2 * size:  # batches of an epoch may be half as large
        raise ModelError(
            f"{size} processes cannot share batches of {batch_size:,} rows",
            hint=f"start {max(batch_size // 2, 1)} processes at most: `torchrun --nproc-per-node`",
        )
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    ours = not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group()
    finally:
        if ours:
            dist.destroy_process_group()
