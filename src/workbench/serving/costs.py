"""How long a batch takes, by its size."""

from __future__ import annotations

__all__ = ["Costs"]

KEPT = 0.8
"""Share of the old figure in the new one."""


class Costs:
    """Seconds by the power of two that holds the rows: a moving mean, begun by what the warm-up took last."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}
        self._seen: dict[int, int] = {}

    def note(self, rows: int, seconds: float) -> None:
        """A batch took so long; the first of a size does not count."""
        size = rows.bit_length()
        seen = self._seen[size] = self._seen.get(size, 0) + 1
        old = self._seconds.get(size)
        self._seconds[size] = seconds if old is None or seen <= 2 else KEPT * old + (1 - KEPT) * seconds

    def expected(self, rows: int) -> float:
        """Seconds of a batch of so many rows; infinite if none of that size or smaller was seen."""
        size = rows.bit_length()
        nearest = max((known for known in self._seconds if known <= size), default=None)
        return float("inf") if nearest is None else self._seconds[nearest] * 2 ** (size - nearest)
