"""The column that a person means, by its name here or in the file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import ConfigurationError

__all__ = ["column_named", "is_same"]


def is_same(wished: str, name: str) -> bool:
    """Whether a name of the file is what a person typed, spelt as an identifier."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") == wished.lower()


def column_named(columns: Mapping[str, Any], wished: str) -> str:
    """The column that a person means, by its name here or in the file."""
    if wished in columns:
        return wished
    same = [name for name in columns if is_same(name, re.sub(r"[^a-z0-9]+", "_", wished.lower()).strip("_"))]
    if len(same) == 1:
        return same[0]
    near = difflib.get_close_matches(wished, columns, n=1)
    raise ConfigurationError(
        f"there is no column '{wished}'",
        tried=", ".join(list(columns)[:30]),
        hint=f"did you mean '{near[0]}'?" if near else "name one of these",
    )
