"""The counts that drift is measured by, made by the engine: one query for the bins, one for what lies in them.

No row enters Python. The edges of a number's bins are percentiles; where there are many rows, of a part of them that a
hash of their values chooses, so that the same rows give the same edges. The counts are of all rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature
from math import inf
from typing import TYPE_CHECKING, Any

from workbench.engines import fetch

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["PERCENTILES", "Counts", "Side", "count_columns", "percentiles_of", "sides_of"]

TAIL = (0.0001, 0.001, 0.005)

PERCENTILES = (0.0, *TAIL, *(step / 100 for step in range(1, 100)), *(1 - share for share in reversed(TAIL)), 1.0)
"""Closer at both ends, where the values are far apart."""

SAMPLE = 50_000
"""Rows of one side that are enough for percentiles, whose own error is then a fifth of one at most."""

COLUMNS_AT_ONCE = 50
"""Exact percentiles keep a column's values in memory; so many columns of :data:`SAMPLE` rows are 20 MB."""


@dataclass(frozen=True)
class Side:
    """One column on one side of the comparison: ``missing`` rows have no value; ``counts`` are of the others."""

    rows: int
    missing: int
    counts: Mapping[Any, int]
    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Counts:
    """One column, on both sides.

    Attributes:
        name: of the column.
        numeric: whether it is a number.
        before: the reference. ``counts`` by upper edge, the last being infinity; or by category.
        now: what is compared with it.
        edges: of a number: ascending, up to which its rows were counted: percentiles of both sides.
        percentiles: of a number: the values of the reference at :data:`PERCENTILES`; empty if it has none.
    """

    name: str
    numeric: bool
    before: Side
    now: Side
    edges: tuple[float, ...] = ()
    percentiles: tuple[float, ...] = ()


def count_columns(before: ir.Table, now: ir.Table, numeric: Sequence[str], categorical: Sequence[str]) -> list[Counts]:
    """Count both tables in the same bins.

    Args:
        before: the reference.
        now: what is compared with it; of the same columns.
        numeric: names of numbers; NaN and infinities count as missing.
        categorical: names of anything else.
    """
    percentiles, others = percentiles_of(before, numeric), percentiles_of(now, numeric)
    edges = {name: sorted({*percentiles[name], *others[name]}) for name in numeric}
    first, second = (sides_of(table, edges, categorical) for table in (before, now))
    return [
        Counts(
            name, name in edges, first[name], second[name], tuple(edges.get(name, ())), tuple(percentiles.get(name, ()))
        )
        for name in [*numeric, *categorical]
    ]


def percentiles_of(table: ir.Table, numeric: Sequence[str]) -> dict[str, list[float]]:
    """Each number's values at :data:`PERCENTILES`, exact up to :data:`SAMPLE` rows; none where it has no value."""
    part = _part(table, fetch(table.aggregate(rows=table.count()))[0]["rows"])
    found: dict[str, list[float]] = {}
    for start in range(0, len(numeric), COLUMNS_AT_ONCE):
        names = numeric[start : start + COLUMNS_AT_ONCE]
        asked = {f"c{i}": _quantiles()(_finite(part[name]), list(PERCENTILES)) for i, name in enumerate(names)}
        row = fetch(part.aggregate(**asked))[0]
        found |= {name: row[f"c{i}"] or [] for i, name in enumerate(names)}
    return found


def _part(table: ir.Table, rows: int) -> ir.Table:
    every = rows // SAMPLE
    if every <= 1:
        return table
    import ibis

    text = ibis.literal("\x1f").join([table[name].cast("string").fill_null("") for name in table.columns[:3]])
    return table.filter(text.hash() % every == 0)


def sides_of(table: ir.Table, edges: Mapping[str, Sequence[float]], categorical: Sequence[str]) -> dict[str, Side]:
    """All columns of one table, counted in one pass over it.

    Args:
        table: the rows.
        edges: number columns to the ascending upper edges of their bins; what lies above the last one is counted too.
        categorical: all other columns.
    """
    measures: dict[str, Any] = {"rows": table.count()}
    for i, (name, bounds) in enumerate(edges.items()):
        value = _finite(table[name])
        measures |= {
            f"n{i}_counts": _binned()(value, [*bounds, inf]),
            f"n{i}_present": value.count(),
            f"n{i}_mean": value.mean(),
            f"n{i}_deviation": value.std(how="pop"),
            f"n{i}_low": value.min(),
            f"n{i}_high": value.max(),
        }
    for i, name in enumerate(categorical):
        measures[f"c{i}_counts"] = _counted()(table[name].cast("string"))
        measures[f"c{i}_present"] = table[name].count()
    row = fetch(table.aggregate(**measures))[0]
    told = ("mean", "deviation", "low", "high")
    return {
        name: Side(
            rows=row["rows"],
            missing=row["rows"] - row[f"{key}_present"],
            counts=_by_edge(row[f"{key}_counts"] or {}, edges[name]) if name in edges else row[f"{key}_counts"] or {},
            **{measure: row.get(f"{key}_{measure}") for measure in told},
        )
        for names, kind in ((edges, "n"), (categorical, "c"))
        for name, key in ((name, f"{kind}{i}") for i, name in enumerate(names))
    }


def _by_edge(counts: Mapping[float, int], edges: Sequence[float]) -> dict[float, int]:
    """The rows up to each edge, and above the last one, those of empty bins too.

    On its way through SQL an edge may lose its last bit: it is known again as the one that is nearest.
    """
    bounds = [*edges, inf]
    found = dict.fromkeys(bounds, 0)
    for edge, rows in counts.items():
        place = bisect_left(bounds, edge)
        if place and edge - bounds[place - 1] < bounds[place] - edge:
            place -= 1
        found[bounds[place]] += rows
    return found


def _finite(column: Any) -> Any:
    """A number as float64, and nothing where it is not one: DuckDB would put NaN into the first bin."""
    import ibis

    value = column.cast("float64")
    return (value.isnan() | value.isinf()).ifelse(ibis.null("float64"), value)


# DuckDB's own aggregates, which Ibis has no name for (duckdb.org/docs, "Aggregate functions").


@cache
def _quantiles() -> Any:
    """From a column and positions to the values there, as they are and not between two of them."""
    import ibis.expr.datatypes as dt

    floats = dt.Array(dt.float64)
    return _builtin("quantile_disc", (dt.float64, floats), floats)


@cache
def _binned() -> Any:
    """From a column and ascending edges to the rows up to each edge."""
    import ibis.expr.datatypes as dt

    return _builtin("histogram", (dt.float64, dt.Array(dt.float64)), dt.Map(dt.float64, dt.int64))


@cache
def _counted() -> Any:
    """From a column to the rows of each value."""
    import ibis.expr.datatypes as dt

    return _builtin("histogram", (dt.string,), dt.Map(dt.string, dt.int64))


def _builtin(name: str, takes: tuple[Any, ...], gives: Any) -> Any:
    import ibis

    def function(*_: Any) -> None: ...

    function.__signature__ = Signature(  # type: ignore[attr-defined]
        [Parameter(f"argument_{i}", Parameter.POSITIONAL_OR_KEYWORD) for i in range(len(takes))]
    )
    return ibis.udf.agg.builtin(function, name=name, signature=(takes, gives))
