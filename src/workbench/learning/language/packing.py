"""Several examples in one sequence, so that no step is spent on padding.

The examples of a pack follow one another in one row. Each has positions from 0, attends to itself alone
(:mod:`workbench.learning.language.attention`), and predicts its own response only: its loss and gradients are those
that it has alone, up to the order of sums. Krell, Kosec, Perez, Fitzgibbon: "Efficient sequence packing without
cross-contamination" (2021), section 3.2.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.learning.language.attention import Segments

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from workbench.learning.language.chat import Encoded

__all__ = ["Pack", "first_fit", "steps_of"]

OPEN = 64
"""Packs that an example may still go into; more would fill them little better and cost time."""


@dataclass(frozen=True)
class Pack:
    """One row of tokens.

    Attributes:
        tokens: ``(1, length)``.
        positions: ``(1, length)``, from 0 in each example.
        asked: ``(responses,)``: the places whose next token belongs to a response.
        targets: ``(responses,)``: those next tokens.
        segments: where the examples are.
    """

    tokens: Tensor
    positions: Tensor
    asked: Tensor
    targets: Tensor
    segments: Segments

    @classmethod
    def of(cls, examples: Sequence[Encoded], device: torch.device) -> Pack:
        """Put examples side by side."""
        import torch

        tokens: list[int] = []
        positions: list[int] = []
        asked: list[int] = []
        for example in examples:
            # The last token of the prompt predicts the first of the response; the last of the response, nothing.
            first = len(tokens) + len(example.prompt) - 1
            asked.extend(range(first, first + len(example.response)))
            tokens.extend((*example.prompt, *example.response))
            positions.extend(range(len(example)))
        row = torch.tensor(tokens)
        places = torch.tensor(asked)
        return cls(
            row[None].to(device),
            torch.tensor([positions]).to(device),
            places.to(device),
            row[places + 1].to(device),
            Segments.of([len(example) for example in examples], device),
        )


def first_fit(lengths: Sequence[int], order: Sequence[int], longest: int) -> list[list[int]]:
    """Examples, in the given order, each into the first open pack that has room; indexes of examples a pack."""
    packs: list[list[int]] = []
    room: list[int] = []
    for index in order:
        begin = max(0, len(packs) - OPEN)
        place = next((one for one in range(begin, len(packs)) if room[one] >= lengths[index]), None)
        if place is None:
            packs.append([])
            room.append(longest)
            place = len(packs) - 1
        packs[place].append(index)
        room[place] -= lengths[index]
    return packs


def steps_of(
    lengths: Sequence[int], *, epochs: int, longest: int, packs_per_step: int, seed: int
) -> tuple[list[list[list[int]]], set[int]]:
    """All steps of a training: a function of its arguments alone, so that an interrupted one goes on with the same.

    Returns:
        The packs of each step, and the numbers of steps (from 1) that end an epoch.
    """
    steps: list[list[list[int]]] = []
    ends: set[int] = set()
    for epoch in range(epochs):
        chance = random.Random(f"{seed}/{epoch}")  # noqa: S311 - an order, not a secret
        order = list(range(len(lengths)))
        chance.shuffle(order)
        packs = first_fit(lengths, order, longest)
        chance.shuffle(packs)
        count = math.ceil(len(packs) / packs_per_step)
        # Steps of an epoch differ by one pack at most.
        steps += [packs[len(packs) * n // count : len(packs) * (n + 1) // count] for n in range(count)]
        ends.add(len(steps))
    return steps, ends
