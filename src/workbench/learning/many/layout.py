"""Where the columns of one table lie among those of the widest: what is added is zero, and stays zero.

A column that a table does not have reads 0, its vector is 0, and the weights that read it are 0. So its gradients are 0
too, and neither Adam's moments, nor weight decay, nor the norm that clips ever see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from workbench.learning.encoding import Inputs
from workbench.learning.networks.embedding import embedding_size

if TYPE_CHECKING:
    from workbench.learning.networks import Spec
    from workbench.learning.tensors import Features

__all__ = ["Layout", "widest"]

TABLE = "embedding.categorical.tables."


def widest(inputs: Sequence[Inputs]) -> Inputs:
    """Inputs that have room for each of some: categories by their rank, the one of most values first."""
    ranked = [sorted(one.cardinalities, reverse=True) for one in inputs]
    most = max(len(ranks) for ranks in ranked)
    return Inputs(
        # How the pieces of a number lie is in each network's buffers, which are laid over these.
        edges=((0.0, 1.0),) * max(len(one.edges) for one in inputs),
        flags=max(one.flags for one in inputs),
        cardinalities=tuple(max(ranks[at] for ranks in ranked if at < len(ranks)) for at in range(most)),
        outputs=inputs[0].outputs,
    )


class Layout:
    """One table's columns among those of the widest.

    Args:
        spec: the architecture of all.
        own: what the table's encoder hands over.
        wide: what :func:`widest` said.
        reads_columns: names of the weights whose last axis is the vector of all columns.
    """

    def __init__(self, spec: Spec, own: Inputs, wide: Inputs, reads_columns: Sequence[str]) -> None:
        self.own, self.wide, self.reads_columns = own, wide, reads_columns
        order = sorted(range(len(own.cardinalities)), key=lambda at: -own.cardinalities[at])
        self.rank = {at: rank for rank, at in enumerate(order)}
        sizes = [embedding_size(count, spec.largest_embedding) for count in wide.cardinalities]
        numbers = wide.flags + len(wide.edges) * spec.embedding
        begins = [numbers + sum(sizes[:rank]) for rank in range(len(sizes))]
        places = [*range(own.flags), *range(wide.flags, wide.flags + len(own.edges) * spec.embedding)]
        for at, count in enumerate(own.cardinalities):
            begin = begins[self.rank[at]]
            places += range(begin, begin + embedding_size(count, spec.largest_embedding))
        self.places = torch.tensor(places)

    def features(self, features: Features) -> Features:
        """Rows of the table, as wide as the widest's."""
        numeric, flags, codes = features
        ranked = codes.new_zeros(len(codes), len(self.wide.cardinalities))
        for at, rank in self.rank.items():
            ranked[:, rank] = codes[:, at]
        return (
            torch.nn.functional.pad(numeric, (0, len(self.wide.edges) - numeric.shape[1])),
            torch.nn.functional.pad(flags, (0, self.wide.flags - flags.shape[1])),
            ranked,
        )

    def widened(self, weights: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """A network's weights and buffers in tensors of the widest's shapes, on the CPU."""
        wide = {name: torch.zeros(shape) for name, shape in shapes.items()}
        for name, value in weights.items():
            target = wide[self._wide_name(name)]
            if name in self.reads_columns:
                target[..., self.places] = value
            else:
                target[tuple(slice(size) for size in value.shape)] = value
        return wide

    def narrowed(self, wide: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """The other way: what is a network's own, in its own shapes."""
        own = {}
        for name, shape in shapes.items():
            value = wide[self._wide_name(name)]
            if name in self.reads_columns:
                own[name] = value[..., self.places.to(value.device)].clone()
            else:
                own[name] = value[tuple(slice(size) for size in shape)].clone()
        return own

    def _wide_name(self, name: str) -> str:
        if not name.startswith(TABLE):
            return name
        at, _, rest = name.removeprefix(TABLE).partition(".")
        return f"{TABLE}{self.rank[int(at)]}.{rest}"
