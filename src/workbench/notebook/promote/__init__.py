"""``kedro notebook promote``: the cells of a notebook that are tagged ``recipe``, as a recipe module with a test.

::

    cells.py     the code cells, parsed; what IPython alone understands is left out
    names.py     which names a piece of code needs, and which it gives
    rules.py     why a piece of code has no place in a recipe
    pieces.py    the tagged cells, taken apart: imports, constants, functions, loose statements; and what is left out
    flow.py      loose statements, as the bodies of ``join`` and ``features``
    describe.py  the text above a cell, as a docstring
    write.py     the pieces, as the text of a module
    check.py     the text of its test
    tidy.py      ruff
    plan.py      all of it: what would be written, and writing it

The notebook is read as a syntax tree. Nothing of it is ever run.
"""

from __future__ import annotations

from workbench.notebook.promote.pieces import LeftOut
from workbench.notebook.promote.plan import Promotion, plan, promote

__all__ = ["LeftOut", "Promotion", "plan", "promote"]
