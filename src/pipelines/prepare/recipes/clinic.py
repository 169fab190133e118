"""Clinic: is a breast mass malignant? One row a sample; the thirty measurements of its cell nuclei are the features.

Nothing is left out: all of them are read off the image before anybody knows the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["EXCLUDED", "TABLES", "features", "join"]

TABLES = ("samples",)
EXCLUDED: dict[str, str] = {}


def join(tables: Mapping[str, ir.Table]) -> ir.Table:
    """The one table, as it is."""
    return tables["samples"]


def features(primary: ir.Table) -> ir.Table:
    """All columns, as they are."""
    return primary
