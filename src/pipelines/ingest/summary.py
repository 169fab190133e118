"""What ``ingest`` found in one table: counts, reasons, and a profile of each column, measured by the engine."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines.ingest.checking import kept
from pipelines.ingest.duplicates import REASONS
from workbench.engines import fetch
from workbench.schemas.casting import kind_of
from workbench.schemas.distinct import bounded, count_distinct

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["summarise"]

_SHOWN_CHARACTERS = 80
_DIGITS = 6
_NUMBERS = ("int64", "float64", "decimal")


def summarise(checked: ir.Table, personal: Collection[str]) -> dict[str, Any]:
    """The summary of a checked table, ready for JSON.

    Args:
        checked: see :mod:`pipelines.ingest.checking`.
        personal: columns of which no value may be shown.

    Returns:
        ``read``, ``kept``, ``quarantined``: rows. ``quarantined_share``: of those read. ``reasons``: sentence to rows,
        most frequent first; a row may have several. ``columns``, of the rows kept: ``type``, ``null_share``,
        ``distinct`` (see :mod:`workbench.schemas.distinct`), ``min``, ``max`` (numbers; text; ISO dates), ``mean`` of
        numbers (none if their sum is beyond what a float can hold).
    """
    counts = checked.aggregate(read=checked.count(), kept=checked[REASONS].isnull().sum())
    read, good = fetch(counts)[0].values()
    return {
        "read": read,
        "kept": good,
        "quarantined": read - good,
        "quarantined_share": (read - good) / read if read else 0.0,
        "reasons": _reasons(checked) if read > good else {},
        "columns": _profile(kept(checked), good, personal),
    }


def _reasons(checked: ir.Table) -> dict[str, int]:
    reasons: Any = checked[REASONS]
    each = checked.filter(reasons.notnull()).select(reason=reasons.unnest())
    counted = each.group_by("reason").aggregate(rows=each.count())
    found = fetch(counted.order_by(counted["rows"].desc(), "reason"))
    return {row["reason"]: row["rows"] for row in found}


def _profile(table: ir.Table, rows: int, personal: Collection[str]) -> dict[str, dict[str, Any]]:
    """All measures of all columns, in one pass over the table."""
    measures: dict[str, Any] = {}
    kinds = {name: kind_of(dtype) for name, dtype in table.schema().items()}
    for position, (name, kind) in enumerate(kinds.items()):
        column: Any = table[name]
        measures[f"{position}_values"] = column.count()
        measures[f"{position}_distinct"] = count_distinct(column, rows)
        if name in personal or kind == "boolean":
            continue
        measures[f"{position}_min"] = column.min()
        measures[f"{position}_max"] = column.max()
        if kind in _NUMBERS:
            measures[f"{position}_mean"] = column.mean()
    found = fetch(table.aggregate(**measures))[0]
    return {
        name: {
            "type": kind,
            "null_share": _shown(1 - found[f"{position}_values"] / rows) if rows else 0.0,
            "distinct": bounded(
                found[f"{position}_distinct"],
                kind,
                found[f"{position}_values"],
                found.get(f"{position}_min"),
                found.get(f"{position}_max"),
            ),
            **{measure: _shown(found.get(f"{position}_{measure}")) for measure in ("min", "max", "mean")},
        }
        for position, (name, kind) in enumerate(kinds.items())
    }


def _shown(value: Any) -> Any:
    """A value for JSON. Means are rounded: their last digits depend on how many threads added them up."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return value[:_SHOWN_CHARACTERS] + "…"
    return value
