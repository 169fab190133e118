"""The numbers of a report: every table and record that its page is made from, as JSON.

A notebook gets these and nothing else, so what stands on the page can be looked up in the files that are saved beside
it, and compared with those of the last report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from workbench.clients.reporting import ABOUT, COMPARED
from workbench.drift.rounding import rounded
from workbench.engines import is_expression
from workbench.errors import ReportError

__all__ = ["ABOUT", "Numbers", "as_numbers", "rounded"]

Numbers = dict[str, Any]
"""Name of a table to its rows (a list of objects), or name of a record to its object."""


def as_numbers(tables: Mapping[str, Any]) -> Numbers:
    """Arrow tables, Ibis expressions and JSON values as JSON: rows as objects, times in ISO 8601, NaN as null.

    Raises:
        ReportError: a table has no name that a file can have, or holds what JSON cannot say.
    """
    found: Numbers = {}
    for name, value in tables.items():
        if not name.isidentifier() or name in {ABOUT, COMPARED}:
            raise ReportError(f"a table of numbers cannot be named {name[:60]!r}")
        whole = value.to_pyarrow() if is_expression(value) else value
        found[name] = _json(whole.to_pylist() if hasattr(whole, "to_pylist") else whole, name)
    return found


def _json(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(item, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, name) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if value is None or isinstance(value, str | int):
        return value
    raise ReportError(f"table '{name}' holds a value of type {type(value).__name__}, which JSON has not")
