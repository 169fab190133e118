"""The counts that drift is measured by, made by the engine: one query for the bins, one for what lies in them.

Both sides of a comparison are asked about by the same queries, since a small table costs no more than what it takes to
compile them (:mod:`workbench.drift.asking`).

No row enters Python. The edges of a number's bins are percentiles; where there are many rows, of a part of them that a
hash of their values chooses, so that the same rows give the same edges. The counts are of all rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import Parameter, Signature
from math import inf
from typing import TYPE_CHECKING, Any

from workbench.drift.asking import ask

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["PERCENTILES", "Counts", "Side", "count_columns", "percentiles_of", "sides_of"]

TAIL = (0.0001, 0.001, 0.005)

PERCENTILES = (0.0, *TAIL, *(step / 100 for step in range(1, 100)), *(1 - share for share in reversed(TAIL)), 1.0)
"""Closer at both ends, where the values are far apart."""

SAMPLE = 50_000
"""Rows of one side that are enough for percentiles, whose own error is then a fifth of one at most."""

_POSITION = "decimal(5, 4)"
"""A float is a little more or less than 0.56, which would now and then give the next value."""

COLUMNS_AT_ONCE = 25
"""Exact percentiles keep a column's values in memory; so many columns of :data:`SAMPLE` rows, twice, are 20 MB."""

COUNTED_AT_ONCE = 100
"""DuckDB 1.4 ends the whole process where the states of a query's aggregates fill more than one of its blocks (a
division by zero): what is asked here of 3,200 columns is enough for that."""


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
    percentiles, others = percentiles_of((before, now), numeric)
    edges = {name: sorted({*percentiles[name], *others[name]}) for name in numeric}
    first, second = sides_of((before, now), edges, categorical)
    return [
        Counts(
            name, name in edges, first[name], second[name], tuple(edges.get(name, ())), tuple(percentiles.get(name, ()))
        )
        for name in [*numeric, *categorical]
    ]


def percentiles_of(tables: Sequence[ir.Table], numeric: Sequence[str]) -> list[dict[str, list[float]]]:
    """Of each table: each number's values at :data:`PERCENTILES`, none where it has no value.

    They are exact up to :data:`SAMPLE` rows. Without a number the engine is not asked.
    """
    found: list[dict[str, list[float]]] = [{} for _ in tables]
    if not numeric:
        return found
    counted = ask([_selected(table, numeric[:1], ()) for table in tables], lambda rows: {"rows": rows.count()})
    some = [_part(table, row["rows"] or 0) for table, row in zip(tables, counted, strict=True)]
    for start in range(0, len(numeric), COLUMNS_AT_ONCE):
        names = numeric[start : start + COLUMNS_AT_ONCE]
        answer = ask([_selected(table, names, ()) for table in some], partial(_percentiles, len(names)))
        for one, row in zip(found, answer, strict=True):
            one |= {name: row[f"n{i}"] or [] for i, name in enumerate(names)}
    return found


def _percentiles(numbers: int, table: ir.Table) -> dict[str, Any]:
    where = _listed(PERCENTILES, _POSITION)
    return {f"n{i}": _quantiles()(_finite(table[f"n{i}"]), where) for i in range(numbers)}


def _part(table: ir.Table, rows: int) -> ir.Table:
    every = rows // SAMPLE
    if every <= 1:
        return table
    import ibis

    text = ibis.literal("\x1f").join([table[name].cast("string").fill_null("") for name in table.columns[:3]])
    return table.filter(text.hash() % every == 0)


def sides_of(
    tables: Sequence[ir.Table], edges: Mapping[str, Sequence[float]], categorical: Sequence[str]
) -> list[dict[str, Side]]:
    """Of each table: all its columns, counted by one query for a hundred. Without a column the engine is not asked.

    Args:
        tables: the rows.
        edges: number columns to the ascending upper edges of their bins; what lies above the last one is counted too.
        categorical: all other columns.
    """
    found: list[dict[str, Side]] = [{} for _ in tables]
    names = [*edges, *categorical]
    for start in range(0, len(names), COUNTED_AT_ONCE):
        some = names[start : start + COUNTED_AT_ONCE]
        bounds = {name: edges[name] for name in some if name in edges}
        others = [name for name in some if name not in edges]
        selected = [_selected(table, tuple(bounds), others) for table in tables]
        answer = ask(selected, partial(_measures, tuple(bounds.values()), len(others)))
        for one, row in zip(found, answer, strict=True):
            one.update(_sides(row, bounds, others))
    return found


def _measures(edges: Sequence[Sequence[float]], categories: int, table: ir.Table) -> dict[str, Any]:
    measures: dict[str, Any] = {"rows": table.count()}
    for i, bounds in enumerate(edges):
        value = _finite(table[f"n{i}"])
        measures |= {
            f"n{i}_counts": _binned()(value, _listed([*bounds, inf], "float64")),
            f"n{i}_present": value.count(),
            f"n{i}_mean": value.mean(),
            f"n{i}_deviation": value.std(how="pop"),
            f"n{i}_low": value.min(),
            f"n{i}_high": value.max(),
        }
    for i in range(categories):
        value = table[f"c{i}"]
        measures |= {f"c{i}_counts": _counted()(value), f"c{i}_present": value.count()}
    return measures


def _sides(row: Mapping[str, Any], edges: Mapping[str, Sequence[float]], categorical: Sequence[str]) -> dict[str, Side]:
    """What was measured of one table."""
    told = ("mean", "deviation", "low", "high")
    rows = row["rows"] or 0
    return {
        name: Side(
            rows=rows,
            missing=rows - (row[f"{key}_present"] or 0),
            counts=_by_edge(row[f"{key}_counts"] or {}, edges[name]) if name in edges else row[f"{key}_counts"] or {},
            **{measure: row.get(f"{key}_{measure}") for measure in told},
        )
        for names, kind in ((edges, "n"), (categorical, "c"))
        for name, key in ((name, f"{kind}{i}") for i, name in enumerate(names))
    }


def _by_edge(counts: Mapping[float, int], edges: Sequence[float]) -> dict[float, int]:
    """The rows up to each edge, and above the last one, those of empty bins too."""
    return {edge: counts.get(edge, 0) for edge in (*edges, inf)}


def _selected(table: ir.Table, numeric: Sequence[str], categorical: Sequence[str]) -> ir.Table:
    """Numbers as ``n0``, ``n1`` and so on in float64, all others as ``c0``, ``c1`` in text."""
    return table.select(
        *(table[name].cast("float64").name(f"n{i}") for i, name in enumerate(numeric)),
        *(table[name].cast("string").name(f"c{i}") for i, name in enumerate(categorical)),
    )


def _finite(value: Any) -> Any:
    """A number, and nothing where it is not one: DuckDB would put NaN into the first bin."""
    import ibis

    return (value.isnan() | value.isinf()).ifelse(ibis.null("float64"), value)


def _listed(values: Sequence[float], kind: str) -> Any:
    """Numbers as one literal: the text of a list, which the engine reads once.

    As a list of literals each would be a node of the query, which is what compiling hundreds of them costs; and DuckDB
    reads a literal as a decimal, whose last bit is not always that of the float.
    """
    import ibis

    return ibis.literal(f"[{', '.join(map(repr, values))}]").cast(f"array<{kind}>")


# DuckDB's own aggregates, which Ibis has no name for (duckdb.org/docs, "Aggregate functions").


@cache
def _quantiles() -> Any:
    """From a column and positions to the values there, as they are and not between two of them."""
    import ibis.expr.datatypes as dt

    return _builtin("quantile_disc", (dt.float64, dt.Array(dt.dtype(_POSITION))), dt.Array(dt.float64))


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
