"""To import a library without what it would import if it found it, and which costs more than all the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["absent"]


@contextmanager
def absent(*modules: str) -> Iterator[None]:
    """Have Python say of modules that they are not installed, as long as the block lasts.

    ``None`` in ``sys.modules`` is how it is told so (https://docs.python.org/3/reference/import.html#the-module-cache).
    What is imported already stays what it is.
    """
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
