"""The network that fits a table and a machine, for whoever names none."""

from __future__ import annotations

import math
from dataclasses import replace

from workbench.learning.networks.specs import TabMSpec

__all__ = ["CPU_LADDER", "default_spec", "work"]

SPEED = 3e10
"""Floating-point operations a second that training reaches on two ordinary cores: measured, with room for less."""

EPOCHS = 10
"""Epochs that a budget should have room for: a large table is at its best after three to eight, then patience."""

ROWS_A_PIECE = 16
"""Training rows that a piece of a number's encoding should have to learn from."""

CPU_LADDER = (
    TabMSpec(members=16, width=128, bins=32, embedding=8),
    TabMSpec(members=8, width=128, bins=32, embedding=8),
    TabMSpec(members=8, width=128, bins=16, embedding=4),
    TabMSpec(members=4, width=128, bins=16, embedding=4),
    TabMSpec(members=4, width=64, bins=16, embedding=4),
    TabMSpec(members=4, width=32, bins=8, embedding=2),
)
"""From the best to the cheapest."""


def work(spec: TabMSpec, columns: int, rows: int) -> float:
    """Floating-point operations of an epoch: 2 a weight and member forwards, twice that backwards."""
    weights = columns * spec.embedding * spec.width + (spec.blocks - 1) * spec.width**2
    return 6.0 * rows * spec.members * weights


def default_spec(rows: int, columns: int, device: str, budget_seconds: float = math.inf) -> TabMSpec:
    """TabM, as large as the budget has room for.

    - On CUDA the defaults of the paper's authors: 32 members of two layers of 512 neurons. A number's vector gets
      shorter beyond 512 columns, so that the first layer, which is all there is to a wide table, still fits.
    - On a CPU the first of :data:`CPU_LADDER` with room for :data:`EPOCHS` epochs in the budget, or in five minutes.
      Members go first: on 229,000 rows of flights, 16 of 64 neurons were worse than 8 of 128, at less work.
    - Fewer pieces for the numbers of a small table: each should have :data:`ROWS_A_PIECE` rows to learn from.

    It looks at no clock, so that the same table and budget give the same network on every CPU.

    Args:
        rows: of training.
        columns: numbers and categories; flags cost next to nothing.
        device: ``cpu`` or ``cuda``.
        budget_seconds: what the training may take.
    """
    pieces = max(rows // ROWS_A_PIECE, 2)
    if device != "cpu":
        paper = TabMSpec()
        length = max(2, min(paper.embedding, 512 * paper.embedding // columns))
        return replace(paper, bins=min(paper.bins, pieces), embedding=length)
    room = SPEED * min(budget_seconds, 300) / EPOCHS
    fitting = (spec for spec in CPU_LADDER if work(spec, columns, rows) <= room)
    spec = next(fitting, CPU_LADDER[-1])
    return replace(spec, bins=min(spec.bins, pieces))
