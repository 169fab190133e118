"""The sections of the template ``drift``, each a function from its numbers to a piece of HTML.

What the numbers are is said in :mod:`workbench.drift.measure` and :mod:`workbench.drift.distances`.
"""

from __future__ import annotations

from workbench.reports.drift.columns import column_table, most_moved, side_by_side
from workbench.reports.drift.reading import how_to_read, next_steps
from workbench.reports.drift.summary import lead, overview, prediction

__all__ = ["column_table", "how_to_read", "lead", "most_moved", "next_steps", "overview", "prediction", "side_by_side"]
