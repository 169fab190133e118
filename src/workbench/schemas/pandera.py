"""pandera for Ibis, without the pyspark and the hypothesis that it would import if it finds them.

Together they take longer than all the rest of it; pyspark prints a line to stderr, too, and two environment variables
are set for it. Nothing here needs either.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from workbench.absent import absent

__all__ = ["pandera"]


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


# Somebody else may have imported pyspark; it is pyspark.pandas that costs, and that pandera tries alone.
with _environment_kept(), absent("pyspark", "pyspark.pandas", "hypothesis"):
    import pandera.ibis as pandera

    # It looks for hypothesis when the first table is checked, and once for all.
    import_module("pandera.strategies.base_strategies")
