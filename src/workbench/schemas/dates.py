"""Which format a column of dates is written in: decided by its values, never by where somebody sits.

``31/12/2024`` can only be day first. A column in which every value fits both orders says nothing, and stays text until
a person says it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from workbench.clients.schema import ColumnSchema

__all__ = ["DATE_LIKE", "Decision", "Order", "decide", "formats_like", "kind_of_format"]

Order = Literal["day", "month"]

DATE_LIKE = (
    r"^\s*(\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ ./-][A-Za-z]{3,9}[ .,/-]+\d{4}|[A-Za-z]{3,9} \d{1,2},? \d{4})"
)
"""What a value has to look like to be worth a second look (RE2)."""
_NUMBERS = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{4}|\d{2})(.*)", re.ASCII)
_DAY_NAME = re.compile(r"\d{1,2}([ ./-])([A-Za-z]+)([ .,/-]+)\d{4}(.*)", re.ASCII)
_NAME_DAY = re.compile(r"([A-Za-z]+) \d{1,2}(,?) \d{4}(.*)", re.ASCII)
_CLOCK = re.compile(r"(T|,? +)\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?[AaPp][Mm])?", re.ASCII)
_ALMOST = 0.5


class Decision(NamedTuple):
    """What a column is, and why; ``spec`` is None where it stays text."""

    spec: ColumnSchema | None
    why: str


def formats_like(value: str) -> list[str]:
    """The formats that a value of the column may be written in; none if it is no date."""
    value = value.strip()
    if found := _NUMBERS.fullmatch(value):
        first, mark, _, last, rest = found.groups()
        if len(first) == 4:
            days = [f"%Y{mark}%m{mark}%d"]
        elif len(last) == 4:
            days = [f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"]
        elif len(first) == 3:
            return []
        else:
            days = [f"%d{mark}%m{mark}%y", f"%m{mark}%d{mark}%y", f"%y{mark}%m{mark}%d"]
    elif found := _DAY_NAME.fullmatch(value):
        one, name, two, rest = found.groups()
        days = [f"%d{one}{word}{two}%Y" for word in _words(name)]
    elif found := _NAME_DAY.fullmatch(value):
        name, comma, rest = found.groups()
        days = [f"{word} %d{comma} %Y" for word in _words(name)]
    else:
        return []
    clock = _clock(rest)
    return [] if clock is None else [day + clock for day in days]


def _words(name: str) -> list[str]:
    """``May`` is both the short and the long name."""
    return ["%b", "%B"] if name.lower() == "may" else ["%b" if len(name) == 3 else "%B"]


def _clock(rest: str) -> str | None:
    if not rest:
        return ""
    found = _CLOCK.fullmatch(rest)
    if not found:
        return None
    mark, seconds, fraction, half = found.groups()
    text = f"{mark}{'%I' if half else '%H'}:%M{':%S' if seconds else ''}{'.%f' if fraction else ''}"
    return text + (half[:-2] + "%p" if half else "")


def kind_of_format(text: str) -> Literal["date", "timestamp"]:
    """The type of a column that is written so."""
    return "timestamp" if "%H" in text or "%I" in text else "date"


def decide(values: int, refused: Mapping[str, int], order: Order | None) -> Decision:
    """Decide on one column.

    Args:
        values: how many there are.
        refused: format to how many values do not fit it, the likeliest format first.
        order: what a person said comes first where numbers do not tell.
    """
    fits = [text for text, bad in refused.items() if not bad]
    if not fits:
        return _none_fits(values, refused)
    wished = [text for text in fits if _begins_with(text, order)]
    if len({_shape(text) for text in fits}) == 1:
        chosen = fits[0]
        others = [bad for text, bad in refused.items() if _shape(text) != _shape(chosen)]
        why = f"no other order fits {min(others):,} of {values:,} values" if others else "every value is written so"
    elif wished:
        chosen, why = wished[0], "the order is as given"
    else:
        shown = " and ".join(f'"{text}"' for text in fits)
        return Decision(None, f"every value fits {shown}: say which with --date-order, or here with type and format")
    return Decision(ColumnSchema(type=kind_of_format(chosen), format=chosen, nullable=True), why)


def _none_fits(values: int, refused: Mapping[str, int]) -> Decision:
    best = min(refused, key=lambda text: refused[text])
    if refused[best] > _ALMOST * values:
        return Decision(None, "")
    said = f"nearly dates: {refused[best]:,} of {values:,} values do not fit {best}"
    return Decision(None, f"{said}; with it as the format they go to quarantine")


def _begins_with(text: str, order: Order | None) -> bool:
    return order is not None and text.startswith({"day": "%d", "month": "%m"}[order])


def _shape(text: str) -> str:
    """Short and long names of months are one order."""
    return text.replace("%B", "%b")
