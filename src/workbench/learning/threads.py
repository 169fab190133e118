"""One thread for work that is too small to be shared.

OpenMP shares out pieces of some microseconds. To wake a thread for one takes as long, in a virtual machine many times
as long; and where another process wants the same core, pieces wait for each other. So a small table is one thread's:
as quick as two on an idle machine, and much quicker where they would have slept or waited (docs/learning.md, "Threads",
has the figures). One thread also sums in one order, however many cores there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["SMALL_STEP", "SMALL_TABLE", "one_boosting_thread", "one_torch_thread"]

SMALL_STEP = 4e8
"""Floating-point operations of a training step, below which it is one thread's."""

SMALL_TABLE = 600_000
"""Cells of a table, below which boosting is one thread's."""


@contextmanager
def one_torch_thread(*, when: bool = True) -> Iterator[None]:
    """Have torch compute with the calling thread alone, as long as the block lasts."""
    import torch

    usual = torch.get_num_threads()
    if not when or usual == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def one_boosting_thread(*, when: bool = True) -> Iterator[None]:
    """The same for the OpenMP of scikit-learn, which comes with what can tell it."""
    if not when:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield
