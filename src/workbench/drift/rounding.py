"""Numbers that come out the same, however many threads added them up."""

from __future__ import annotations

__all__ = ["rounded"]

DIGITS = 6


def rounded(value: float) -> float:
    """A number to six significant digits: the last ones depend on how many threads added it up."""
    return float(f"{value:.{DIGITS}g}")
