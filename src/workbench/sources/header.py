"""The header line of a CSV file: the names of the columns, and what can be wrong with them."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from workbench.errors import DataError

__all__ = ["MAX_COLUMNS", "check_names", "first_difference", "read_header"]

T = TypeVar("T")

MAX_COLUMNS = 2500
"""What a column costs, whatever its rows hold, is the planning of queries: each step asks about it anew, from the first
look to the last report (``python -m benchmarks.wide``). Two thousand are minutes."""

_MAX_BYTES = 2**20


def read_header(path: Path, delimiter: str, where: str) -> list[str]:
    """The column names in the first line of a UTF-8 file.

    Raises:
        DataError: the file is empty or a web page, the line is blank, too long or not CSV, or a name is blank or stands
            twice.
    """
    with path.open("rb") as stream:
        start = stream.read(_MAX_BYTES)
    if not start.strip():
        raise DataError("is empty", where=where, hint="bring the data, or take the table out of client.yml")
    # What a server sends instead of a file, be it a login page, is saved under the file's name all the same.
    if start.removeprefix(codecs.BOM_UTF8).lstrip()[:15].lower().startswith(_PAGES):
        raise DataError("is a web page or XML, not CSV", where=where, hint="fetch the file again, signed in if need be")
    # The last character may have been cut in two by the bound.
    reader = csv.reader(io.StringIO(start.decode("utf-8-sig", "ignore"), newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(reader)
    except csv.Error as error:
        raise DataError(f"has no header that can be read ({error})", where=where, hint=_HEADER) from error
    if not names:
        raise DataError("the first line is blank", where=where, hint=_HEADER)
    check_names(names, where)
    others = [mark for mark in ",;\t|" if mark != delimiter and mark in names[0]]
    if len(names) == 1 and others:
        raise DataError(
            f"the header is one column, '{names[0]}'", where=where, hint=f"set `delimiter: {others[0]!r}` in client.yml"
        )
    return names


_HEADER = "the first line has to name the columns"
_PAGES = (b"<!doctype", b"<html", b"<?xml")


def first_difference(these: Sequence[T], those: Sequence[T]) -> T:
    """The first of two lists' items at which they differ; where one only goes on, the first that is more."""
    for one, other in zip(these, those, strict=False):
        if one != other:
            return one
    return max(these, those, key=len)[min(len(these), len(those))]


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse names that the engine could not tell apart, or that no schema can name.

    Raises:
        DataError: there are too many; a name is blank, holds a control character, starts with an underscore, or stands
            twice.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"has {len(names):,} columns, and a table may have {MAX_COLUMNS:,}",
            where=where,
            hint="have the columns delivered that matter, or one line a measurement",
        )
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(f"column {position} has no name", where=where, hint=_HEADER)
        if not name.isprintable():
            raise DataError(f"the name of column {position}, {name!r}, cannot be printed", where=where, hint=_HEADER)
        if name.startswith("_"):
            raise DataError(
                f"column '{name}' starts with an underscore, which is ours", where=where, hint="rename it in the source"
            )
        # The engine takes `Id` and `ID` for one column.
        if name.casefold() in seen:
            twice = seen[name.casefold()]
            text = f"column '{name}' stands twice" if name == twice else f"'{twice}' and '{name}' differ by case only"
            raise DataError(text, where=where, hint="rename one of them in the source")
        seen[name.casefold()] = name
