"""What changed between two reports: their numbers, laid side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.reports.numbers import ABOUT, Numbers, rounded

__all__ = ["MOST_OF_A_TABLE", "compare"]

MOST_OF_A_TABLE = 6
"""Changes that are named of each table, the largest first; the others are counted."""

Leaf = str | int | float | bool | tuple[str, ...] | None
Place = tuple[str, ...]


def compare(numbers: Numbers, previous: Numbers | None) -> dict[str, Any]:
    """Every number that differs from the last report's.

    Numbers count as equal if they agree to six significant digits. A row is known again by as few of its texts,
    from the left, as tell all rows apart; where they do not, by its position.

    Args:
        numbers: of the report that is being made.
        previous: of the last one, with its record ``about``; None: there is none.

    Returns:
        ``since`` (ISO time of the last report; None: this is the first), ``changes`` (``table``, ``entry``, ``before``,
        ``now``, ``by``: relative, None where it cannot be said), ``more`` (table to changes that are not named).
    """
    if previous is None:
        return {"since": None, "changes": [], "more": {}}
    changes: list[dict[str, Any]] = []
    more: dict[str, int] = {}
    for table in dict.fromkeys([*numbers, *previous]):
        if table == ABOUT:
            continue
        found = _differences(dict(_leaves(previous.get(table))), dict(_leaves(numbers.get(table))))
        found.sort(key=lambda one: -abs(one["by"]) if one["by"] is not None else float("-inf"))
        changes += [{"table": table, **one} for one in found[:MOST_OF_A_TABLE]]
        if len(found) > MOST_OF_A_TABLE:
            more[table] = len(found) - MOST_OF_A_TABLE
    return {"since": previous.get(ABOUT, {}).get("made"), "changes": changes, "more": more}


def _differences(before: dict[Place, Leaf], now: dict[Place, Leaf]) -> list[dict[str, Any]]:
    return [
        {"entry": " · ".join(place), "before": _shown(old), "now": _shown(new), "by": _by(old, new)}
        for place in dict.fromkeys([*now, *before])
        if not _equal(old := before.get(place), new := now.get(place))
    ]


def _equal(old: Any, new: Any) -> bool:
    return (rounded(old) == rounded(new)) if _numeric(old) and _numeric(new) else old == new


def _by(old: Any, new: Any) -> float | None:
    """The relative change, if both are numbers and it can be said."""
    return rounded((new - old) / abs(old)) if _numeric(old) and _numeric(new) and old else None


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Leaf) -> Any:
    return ", ".join(value) if isinstance(value, tuple) else value


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Leaf]]:
    """Each scalar with the names that lead to it; a list of scalars is one leaf."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        keys, names = _names(value)
        for name, row in zip(names, value, strict=True):
            rest = {key: item for key, item in row.items() if key not in keys}
            # A row with one value beside its name needs no second name.
            yield from _leaves(next(iter(rest.values())) if len(rest) == 1 else rest, (*place, name))
    elif isinstance(value, list):
        yield place, tuple(str(item) for item in value)
    else:
        yield place, value


def _names(rows: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What tells rows apart, and the names of those columns: few texts from the left, or else the position."""
    texts = [key for key in rows[0] if all(isinstance(row.get(key), str) for row in rows)]
    for many in range(1, len(texts) + 1):
        names = [", ".join(row[key] for key in texts[:many]) for row in rows]
        if len(set(names)) == len(names):
            return texts[:many], names
    return [], [f"row {position}" for position in range(1, len(rows) + 1)]
