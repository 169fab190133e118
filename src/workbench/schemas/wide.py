"""Wide tables are asked about part by part: what a query costs to plan grows with the square of what it asks.

What onboarding asks of a CSV of 2,000 rows took 23 seconds of processor and 830 MB for 250 columns, and 67 seconds and
1.4 GB for 500. By parts of 50 columns it takes 21 and 40 seconds, and 340 MB whatever there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["COLUMNS_AT_ONCE", "is_one_of", "parts"]

COLUMNS_AT_ONCE = 50


def parts(names: Sequence[str]) -> Iterator[list[str]]:
    """The names in their order, :data:`COLUMNS_AT_ONCE` at a time; nothing if there are none."""
    for begin in range(0, len(names), COLUMNS_AT_ONCE):
        yield list(names[begin : begin + COLUMNS_AT_ONCE])


def is_one_of(column: Any, values: Sequence[str | int]) -> Any:
    """Whether a text or whole number is one of some; what is missing is not.

    An array that holds it, not a list that it is in: of such a list with more than a few values DuckDB makes a join,
    and each join carries all other columns along. 300 such columns of 2,000 took two minutes for 2,000 rows; so they
    take one second, and a long list half as long, too.

    Args:
        column: an Ibis column of strings or integers.
        values: at least one.
    """
    import ibis

    kind = "string" if column.type().is_string() else "int64"
    return column.notnull() & ibis.literal(list(values), type=f"array<{kind}>").contains(column)
