"""All that the result of one node depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.fingerprints.code import Code
from workbench.fingerprints.packages import version_of
from workbench.fingerprints.values import digest_of, leaves

if TYPE_CHECKING:
    from kedro.pipeline.node import Node

__all__ = ["Facts", "Inputs", "Look", "facts_of", "is_ephemeral", "key_of", "path_of"]

Key = Mapping[str, str]
"""What a dataset holds, as name of a part to its digest: one for a file, one for each setting of parameters."""
Inputs = Mapping[str, Key | None]
"""Dataset to what it holds; None where that cannot be seen."""


class Look(NamedTuple):
    """What a dataset may use to say what it holds.

    Attributes:
        digest: path to digest, None if there is nothing.
        names: attributes that the node's code reads; a typed record needs to answer for these only.
    """

    digest: Callable[[Path], str | None]
    names: frozenset[str]


@dataclass(frozen=True)
class Facts:
    """What one node's result depends on.

    Attributes:
        wiring: digest of the function's name and of the names of inputs and outputs.
        code: the code that it runs.
        packages: name to version.
        inputs: dataset to what it holds.
    """

    wiring: str
    code: Code
    packages: Mapping[str, str]
    inputs: Inputs

    @cached_property
    def fingerprint(self) -> str | None:
        """One digest of everything; None if something cannot be seen."""
        if any(key is None for key in self.inputs.values()):
            return None
        return digest_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of the code, its digest."""
        return {
            "wiring": self.wiring,
            "code": self.code.digest,
            "packages": dict(self.packages),
            "inputs": {name: None if key is None else dict(key) for name, key in self.inputs.items()},
        }


def facts_of(node: Node, code: Code, inputs: Inputs) -> Facts:
    """Put a node's facts together.

    Args:
        node: its function counts by name here, by its content in ``code``.
        code: the code behind the function and behind the datasets that it loads and saves.
        inputs: what is loaded.
    """
    function: Any = node.func
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
    wiring = digest_of([name, node.inputs, node.outputs])
    return Facts(wiring, code, {package: version_of(package) for package in sorted(code.packages)}, inputs)


def key_of(dataset: Any, look: Look) -> Key | None:
    """What a dataset that lies outside of the run holds; None if that cannot be seen.

    A dataset answers by its method ``fingerprint(look)``, or has a path, or is a value in memory. ``{}`` means that
    what it holds is not to count.
    """
    own = getattr(dataset, "fingerprint", None)
    if own is not None:
        key: Key | None = own(look)
        return key
    path = path_of(dataset)
    if path is not None:
        digest = look.digest(path)
        return {"": digest if digest is not None else "missing"}
    if is_ephemeral(dataset):
        try:
            return leaves(dataset.load())
        except Exception:  # noqa: BLE001 - nothing was saved into it yet, or it cannot be copied
            return None
    return None


def path_of(dataset: Any) -> Path | None:
    """The file or folder of a dataset: of ours ``path``, of Kedro's own ``_filepath``."""
    path = getattr(dataset, "path", None) or getattr(dataset, "_filepath", None)
    return Path(str(path)) if path else None


def is_ephemeral(dataset: Any) -> bool:
    """Whether it holds data for the time of one run only."""
    return bool(getattr(dataset, "_EPHEMERAL", False))
