"""How a file writes its dates, in the words of ``strptime``, and the grammar that a text has to fit before it is read.

The grammar is stricter than ``strptime``, which takes ``24`` for the year 24 where ``%Y`` stands.
"""

from __future__ import annotations

import re

__all__ = ["check_date_format", "date_grammar"]

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DIRECTIVES = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "b": f"({'|'.join(month[:3] for month in _MONTHS)})",
    "B": f"({'|'.join(_MONTHS)})",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
    "f": r"\d{1,6}",
    "p": "[AaPp][Mm]",
}
"""Those that Python and DuckDB read alike: docs.python.org, ``strftime`` and ``strptime`` format codes; duckdb.org,
Date Format Functions. Names of months are English in both."""
_YEAR, _MONTH, _CLOCK = frozenset("Yy"), frozenset("mbB"), frozenset("HIMSfp")


def check_date_format(kind: str, text: str) -> None:
    """Refuse what does not say a day, or more than the type can hold.

    Args:
        kind: ``date`` or ``timestamp``.
        text: such as ``%d.%m.%Y``.

    Raises:
        ValueError: with what is wrong.
    """
    if kind not in {"date", "timestamp"}:
        raise ValueError(f"only a date or a timestamp has a format; this one is {kind}")
    used = [letter for _, letter in _pieces(text) if letter]
    known = ", ".join(f"%{letter}" for letter in _DIRECTIVES)
    for letter in used:
        if letter not in _DIRECTIVES:
            raise ValueError(f"format '{text}' holds %{letter}; there are {known}")
    for what, letters in (("a year", _YEAR), ("a month", _MONTH), ("a day", frozenset("d"))):
        if sum(letter in letters for letter in used) != 1:
            raise ValueError(f"format '{text}' has to say {what} once")
    clock = [letter for letter in used if letter in _CLOCK]
    if clock and kind == "date":
        raise ValueError(f"format '{text}' has a time of day; give the column the type timestamp")
    if len(set(clock)) < len(clock) or ("I" in clock) != ("p" in clock) or {"H", "I"} <= set(clock):
        raise ValueError(f"format '{text}' says the hour as %H, or as %I with %p, and nothing twice")
    if set(clock) & {"M", "S", "f"} and not set(clock) & {"H", "I"}:
        raise ValueError(f"format '{text}' has minutes without an hour")
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("format holds a control character")


def date_grammar(text: str) -> str:
    """The regular expression (RE2) of what a format means, for the whole text without blanks around it."""
    return (
        "(?i)^" + "".join(_DIRECTIVES[letter] if letter else re.escape(plain) for plain, letter in _pieces(text)) + "$"
    )


def _pieces(text: str) -> list[tuple[str, str]]:
    """Plain text and directives in their order, of each pair one is empty."""
    found = []
    for plain, letter in re.findall(r"([^%]+)|%(.?)", text):
        found.append(("%", "") if letter == "%" else (plain, letter if not plain else ""))
        if not plain and not letter:
            raise ValueError(f"format '{text}' ends in the middle of a directive")
    return found
