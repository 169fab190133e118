"""Networks whose weights come from elsewhere: nothing is drawn for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["Undrawn"]

_DRAWN = (torch.Tensor.normal_, torch.nn.init.normal_)
"""The second shows itself to the mode, and its call of the first is not shown any more."""


class Undrawn(TorchFunctionMode):
    """Leaves normal deviates out, as long as its block lasts.

    On the meta device there is nothing to draw, but torch does it by a reference in Python, for which it imports its
    compiler and SymPy: as long as to import torch itself takes, in every process that loads a model.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The tensor as it is, of what would draw into it; all else as ever."""
        given = dict(kwargs or {})
        if func in _DRAWN:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
