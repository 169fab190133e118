"""How many different values a column has: counted one by one in a small table, estimated in a large one."""

from __future__ import annotations

from typing import Any

__all__ = ["EXACT_ROWS", "bounded", "count_distinct", "is_exact"]

EXACT_ROWS = 100_000
"""An estimate is some percent off, and in a table that a person can look through, 15 for 16 is seen to be wrong."""


def is_exact(rows: int) -> bool:
    """Whether the values of a table of so many rows are counted one by one."""
    return rows <= EXACT_ROWS


def count_distinct(column: Any, rows: int) -> Any:
    """The expression for a column of so many rows; for many, HyperLogLog (Flajolet et al., 2007)."""
    return column.nunique() if is_exact(rows) else column.approx_nunique()


def bounded(estimate: int | None, kind: str, values: int, low: Any, high: Any) -> int:
    """The estimate, or what there can be at most.

    Args:
        estimate: None: of no value.
        kind: the column's type.
        values: how many are there.
        low: the least of them, if it is known.
        high: the greatest.
    """
    most = [estimate or 0, values]
    if kind == "int64" and low is not None and high is not None:
        most.append(high - low + 1)
    return int(min(most))
