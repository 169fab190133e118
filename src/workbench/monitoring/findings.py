"""One measure beside its threshold, and what it asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["LEVELS", "Finding", "Level", "worst"]

Level = Literal["steady", "watch", "retrain"]
LEVELS: tuple[Level, ...] = ("steady", "watch", "retrain")


@dataclass(frozen=True)
class Finding:
    """A measure.

    Attributes:
        level: what it asks for.
        part: drift, performance, quality or served.
        measure: its name.
        column: of a table, or a table's name; empty if it is about all of them.
        value: None if it is undefined.
        threshold: beyond which it asks for more than nothing; None if there is none.
        sentence: the same for people: measure, value, threshold, column.
    """

    level: Level
    part: str
    measure: str
    column: str
    value: float | None
    threshold: float | None
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def worst(findings: Iterable[Finding]) -> Level:
    """The most that any of them asks for."""
    return max((one.level for one in findings), key=LEVELS.index, default="steady")
