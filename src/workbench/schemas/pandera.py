"""pandera for Ibis, without the pyspark and the hypothesis that it would import if it finds them.

Together they take longer than all the rest of it; pyspark prints a line to stderr, too, and two environment variables
are set for it. Nothing here needs either. ``None`` in ``sys.modules`` is how Python is told that a module is not there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

__all__ = ["pandera"]


@contextmanager
def _alone() -> Iterator[None]:
    environment = dict(os.environ)
    # Somebody else may have imported pyspark; it is pyspark.pandas that costs, and that pandera tries alone.
    hidden = {"pyspark", "pyspark.pandas", "hypothesis"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]


with _alone():
    import pandera.ibis as pandera

    # It looks for hypothesis when the first table is checked, and once for all.
    import_module("pandera.strategies.base_strategies")
