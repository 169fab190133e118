"""The column that a person means, by its name here or in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import ConfigurationError, did_you_mean

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
    raise ConfigurationError(
        f"there is no column '{wished}'",
        tried=", ".join(list(columns)[:30]),
        hint=did_you_mean(wished, columns, "name one of these"),
    )
