"""What changed between two reports: their numbers, laid side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from workbench.reports.numbers import ABOUT, Numbers, rounded

__all__ = ["MOST_OF_A_TABLE", "compare"]

MOST_OF_A_TABLE = 6
"""Changes that are named of each table, the largest first, and rows that came or went; the others are counted."""

Kind = Literal["changed", "new", "gone"]
Place = tuple[str, ...]

_ABSENT = object()


def compare(numbers: Numbers, previous: Numbers | None) -> dict[str, Any]:
    """Every number that differs from the last report's, and every row that is only in one of the two.

    Numbers count as equal if they agree to six significant digits. A row is known again by as few of its texts, from
    the left, as tell the rows of both reports apart; where they do not, by its position.

    Args:
        numbers: of the report that is being made.
        previous: of the last one, with its record ``about``; None: there is none.

    Returns:
        ``since`` (ISO time of the last report; None: this is the first); ``changes`` (``table``, ``entry``, ``before``,
        ``now``, ``by``: relative, and ``difference``: absolute, each None where it cannot be said); ``new`` and
        ``gone`` (``table``, ``entry``: rows); ``more`` (table to what is not named of all these).
    """
    found: dict[str, Any] = {"since": None, "changes": [], "new": [], "gone": [], "more": {}}
    if previous is None:
        return found
    found["since"] = previous.get(ABOUT, {}).get("made")
    for table in dict.fromkeys([*numbers, *previous]):
        if table == ABOUT:
            continue
        differences = list(_differences(previous.get(table, _ABSENT), numbers.get(table, _ABSENT), ()))
        for kind, name in (("changed", "changes"), ("new", "new"), ("gone", "gone")):
            own = [one for one in differences if one.kind == kind]
            own.sort(key=_size)
            found[name] += [_record(table, one) for one in own[:MOST_OF_A_TABLE]]
            if len(own) > MOST_OF_A_TABLE:
                found["more"][table] = found["more"].get(table, 0) + len(own) - MOST_OF_A_TABLE
    return found


@dataclass(frozen=True)
class _Difference:
    kind: Kind
    place: Place
    before: Any = None
    now: Any = None

    @property
    def by(self) -> float | None:
        """The relative change, if both are numbers and it can be said."""
        if not (_numeric(self.before) and _numeric(self.now)) or not self.before:
            return None
        return rounded((self.now - self.before) / abs(self.before))

    @property
    def difference(self) -> float | None:
        """The absolute change, if both are numbers."""
        return rounded(self.now - self.before) if _numeric(self.before) and _numeric(self.now) else None


def _size(one: _Difference) -> float:
    return -abs(one.by) if one.by is not None else float("-inf")


def _record(table: str, one: _Difference) -> dict[str, Any]:
    record: dict[str, Any] = {"table": table, "entry": " · ".join(one.place)}
    if one.kind == "changed":
        record |= {"before": one.before, "now": one.now, "by": one.by, "difference": one.difference}
    return record


def _differences(old: Any, new: Any, place: Place) -> Iterator[_Difference]:
    """Walk both at once; a record, a row or a table that is on one side only is one difference."""
    old, new = _by_name(old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*new, *old]):
            yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), (*place, key))
    elif old is _ABSENT and isinstance(new, dict | _Row):
        yield _Difference("new", place)
    elif new is _ABSENT and isinstance(old, dict | _Row):
        yield _Difference("gone", place)
    elif not _equal(old, new):
        yield _Difference("changed", place, _shown(old), _shown(new))


class _Row(dict[str, Any]):
    """A row with one value beside its name; the value needs no second name, the row is a row all the same."""


def _by_name(old: Any, new: Any) -> tuple[Any, Any]:
    """Rows as a record of rows by their names, which both sides have in common; everything else as it is."""
    if isinstance(old, _Row) and isinstance(new, _Row) and old.keys() == new.keys():
        return next(iter(old.values())), next(iter(new.values()))
    tables = [side for side in (old, new) if _is_table(side)]
    if not tables or not all(_is_table(side) or side is _ABSENT or side == [] for side in (old, new)):
        return old, new
    keys = _keys(tables)
    return tuple(_named(side, keys) if side is not _ABSENT else {} for side in (old, new))  # type: ignore[return-value]


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _keys(tables: list[list[dict[str, Any]]]) -> list[str]:
    """The columns whose texts tell the rows of each table apart: few of them, from the left; none if they do not."""
    rows = [row for table in tables for row in table]
    texts = [key for key in tables[-1][0] if all(isinstance(row.get(key), str) for row in rows)]
    for many in range(1, len(texts) + 1):
        if all(len({tuple(row[key] for key in texts[:many]) for row in table}) == len(table) for table in tables):
            return texts[:many]
    return []


def _named(rows: list[dict[str, Any]], keys: list[str]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for position, row in enumerate(rows, 1):
        name = ", ".join(row[key] for key in keys) if keys else f"row {position}"
        rest = {key: item for key, item in row.items() if key not in keys}
        named[name] = _Row(rest) if len(rest) == 1 else rest
    return named


def _equal(old: Any, new: Any) -> bool:
    return (rounded(old) == rounded(new)) if _numeric(old) and _numeric(new) else bool(old == new)


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> Any:
    if value is _ABSENT:
        return None
    if isinstance(value, list | dict):
        return ", ".join(map(str, value))
    return value
