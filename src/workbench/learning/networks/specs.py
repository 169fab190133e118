"""What there is to know of an architecture before torch is needed. The allow-list of names lies here, in our code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from workbench.errors import ModelError

__all__ = ["ResNetSpec", "Spec", "TabMSpec", "spec_from_dict"]


@dataclass(frozen=True)
class ResNetSpec:
    """A residual network over embedded columns; see :class:`workbench.learning.networks.resnet.ResNet`.

    Args:
        width: neurons of the residual stream.
        blocks: residual blocks.
        bins: pieces of a number's piecewise-linear encoding.
        embedding: neurons that each number is embedded in.
        largest_embedding: neurons that a category of many values is embedded in; see :func:`embedding_size`.
        dropout: share of neurons dropped inside a block.
        input_dropout: share of embedded inputs dropped.

    Raises:
        ModelError: a size or a share is out of bounds.
    """

    name: ClassVar[str] = "resnet"

    width: int = 192
    blocks: int = 2
    bins: int = 32
    embedding: int = 8
    largest_embedding: int = 16
    dropout: float = 0.2
    input_dropout: float = 0.1

    def __post_init__(self) -> None:
        for size in ("width", "blocks", "bins", "embedding", "largest_embedding"):
            _check(size, getattr(self, size), int, 1, 4096)
        for share in ("dropout", "input_dropout"):
            _check(share, getattr(self, share), float, 0, 0.95)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, **asdict(self)}


@dataclass(frozen=True)
class TabMSpec:
    """An ensemble of perceptrons that share weights; see :class:`workbench.learning.networks.tabm.TabM`.

    The defaults are the paper's; :func:`workbench.learning.networks.defaults.default_spec` has what fits a table and a
    machine.

    Args:
        members: perceptrons.
        width: neurons of a hidden layer.
        blocks: hidden layers.
        bins: pieces of a number's piecewise-linear encoding.
        embedding: neurons that each number is embedded in.
        largest_embedding: neurons that a category of many values is embedded in; see :func:`embedding_size`.
        dropout: share of neurons dropped after a hidden layer.

    Raises:
        ModelError: a size or a share is out of bounds.
    """

    name: ClassVar[str] = "tabm"

    members: int = 32
    width: int = 512
    blocks: int = 2
    bins: int = 48
    embedding: int = 16
    largest_embedding: int = 16
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _check("members", self.members, int, 1, 256)
        for size in ("width", "blocks", "bins", "embedding", "largest_embedding"):
            _check(size, getattr(self, size), int, 1, 4096)
        _check("dropout", self.dropout, float, 0, 0.95)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, **asdict(self)}


Spec = ResNetSpec | TabMSpec
"""The union of all specs."""

ARCHITECTURES: Mapping[str, type[Spec]] = {kind.name: kind for kind in (ResNetSpec, TabMSpec)}


def spec_from_dict(record: Mapping[str, Any]) -> Spec:
    """What ``to_dict`` of a spec wrote.

    Raises:
        ModelError: an architecture or an option that this version does not know.
    """
    options = dict(record)
    name = options.pop("name", None)
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise ModelError(f"architecture {name!r} is unknown", tried=", ".join(sorted(ARCHITECTURES)))
    try:
        return ARCHITECTURES[name](**options)
    except TypeError as error:
        raise ModelError(f"architecture '{name}' cannot be set up ({error})") from error


def _check(name: str, value: object, kind: type, low: float, high: float) -> None:
    accepted = (int, float) if kind is float else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted) or not low <= value <= high:
        raise ModelError(f"{name} of the network is {value!r}, not between {low} and {high}")
