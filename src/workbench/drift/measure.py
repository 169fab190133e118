"""How far each column has moved, from its counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.drift.counting import PERCENTILES, Counts, count_columns
from workbench.drift.distances import by_chance, jensen_shannon, psi, wasserstein
from workbench.drift.reference import Reference, counts_against
from workbench.drift.rounding import rounded

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Limits", "drift_of", "drift_of_parts", "drift_since", "worst_state"]

State = Literal["stable", "watch", "drift"]
STATES: tuple[State, ...] = ("stable", "watch", "drift")

TENTHS = tuple(PERCENTILES.index(step / 100) for step in range(10, 100, 10))

MOST_CATEGORIES = 50
"""More categories than the commonest of the reference count as one: an index of many rare ones is mostly noise."""

FEW_VALUES = 50
"""A number whose percentiles have no more values than this is taken for a count."""

MOST_VALUES = 10
"""A number with no more values than this has a bin for each."""

OTHER, MISSING = "(all others)", "(missing)"


@dataclass(frozen=True)
class Limits:
    """From which index on a column is watched, and has drifted; and how sure it must be that none is so by chance.

    The confidence is that of all columns together (Dunn, "Multiple comparisons among means", 1961).
    """

    watch: float = 0.1
    drift: float = 0.25
    confidence: float = 0.999


def drift_of(
    before: ir.Table, now: ir.Table, numeric: Sequence[str], categorical: Sequence[str], limits: Limits
) -> dict[str, list[dict[str, Any]]]:
    """Each column's distances, the one that moved furthest first, and the bins that they come from.

    Args:
        before: the reference.
        now: what is compared with it.
        numeric: columns that are numbers.
        categorical: columns that are not.
        limits: what counts as drift.

    Returns:
        ``columns``: ``column``, ``kind``, ``state``, ``psi``, ``psi_by_chance`` (what chance alone stays under),
        ``wasserstein`` (numbers, in their own unit) and ``wasserstein_scaled`` (in standard deviations of the
        reference), ``jensen_shannon`` (categories), ``missing_before``, ``missing_now``, ``mean_before``, ``mean_now``,
        ``unseen`` (share of the rows whose category the reference has not). ``bins``: ``column``, ``bin``, ``before``,
        ``now`` (shares of the rows).
    """
    return drift_of_parts(before, now, {"": (numeric, categorical)}, limits)[""]


def drift_of_parts(
    before: ir.Table, now: ir.Table, parts: Mapping[str, tuple[Sequence[str], Sequence[str]]], limits: Limits
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The same of several parts of the columns: they are counted together, and judged as if each part were alone.

    Args:
        before: the reference.
        now: what is compared with it.
        parts: their names to the columns that are numbers, and those that are not; no column is in two of them.
        limits: what counts as drift.

    Returns:
        By part what :func:`drift_of` returns.
    """
    numeric, categorical = ([name for part in parts.values() for name in part[kind]] for kind in (0, 1))
    counted = {one.name: one for one in count_columns(before, now, numeric, categorical)}
    return {
        part: _measured([counted[name] for names in columns for name in names], limits)
        for part, columns in parts.items()
    }


def drift_since(references: Sequence[Reference], now: ir.Table, limits: Limits) -> dict[str, list[dict[str, Any]]]:
    """The same, of new rows against counts that were kept; see :func:`drift_of`.

    Distances of numbers are by the percentiles of the reference alone, which costs the third digit.
    """
    return _measured(counts_against(references, now), limits)


def _measured(counted: Sequence[Counts], limits: Limits) -> dict[str, list[dict[str, Any]]]:
    # One column in a thousand would be taken for moved by mistake; of many, one would be so as good as always.
    each = replace(limits, confidence=1 - (1 - limits.confidence) / max(len(counted), 1))
    measured = [_of(counts, each) for counts in counted]
    measured.sort(key=lambda one: (-STATES.index(one[0]["state"]), -one[0]["psi"], one[0]["column"]))
    return {"columns": [column for column, _ in measured], "bins": [row for _, bins in measured for row in bins]}


def worst_state(columns: Sequence[dict[str, Any]]) -> State:
    """The worst state of several columns."""
    return max((column["state"] for column in columns), key=STATES.index, default="stable")


def _of(counts: Counts, limits: Limits) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    numeric = counts.numeric
    labels, before, now = _number_bins(counts) if numeric else _category_bins(counts)
    index = psi(before, now)
    filled = sum(1 for pair in zip(before, now, strict=True) if any(pair))
    noise = by_chance(filled, sum(before), sum(now), limits.confidence)
    column = {
        "column": counts.name,
        "kind": "number" if numeric else "category",
        "state": _state(index, noise, limits),
        "psi": rounded(index),
        "psi_by_chance": rounded(noise),
        **(_number_distances(counts) if numeric else _category_distances(counts)),
        "missing_before": rounded(counts.before.missing / max(counts.before.rows, 1)),
        "missing_now": rounded(counts.now.missing / max(counts.now.rows, 1)),
    }
    shares = (_shares(before), _shares(now))
    return column, [
        {"column": counts.name, "bin": label, "before": p, "now": q}
        for label, p, q in zip(labels, *shares, strict=True)
    ]


def _shares(counts: Sequence[int]) -> list[float]:
    return [rounded(count / max(sum(counts), 1)) for count in counts]


def _state(index: float, noise: float, limits: Limits) -> State:
    if index <= max(limits.watch, noise):
        return "stable"
    return "drift" if index > limits.drift else "watch"


def _told_apart(bounds: list[float]) -> list[str]:
    """Numbers that rise as texts that differ: to four digits, or to as many as it takes."""
    for digits in range(4, 17):
        texts = [f"{bound:.{digits}g}" for bound in bounds]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(bound) for bound in bounds]


def _number_bins(counts: Counts) -> tuple[list[str], list[int], list[int]]:
    """The tenths of the reference, or its values if they are few; and the rows without a value if there are any."""
    values = sorted(set(counts.percentiles))
    few = len(values) <= MOST_VALUES
    bounds = [*(values if few else sorted({counts.percentiles[i] for i in TENTHS if counts.percentiles})), math.inf]
    labels = [*(("" if few else "up to ") + bound for bound in _told_apart(bounds[:-1])), "above"]
    sides = []
    for side in (counts.before, counts.now):
        totals = [0] * len(bounds)
        for edge, rows in side.counts.items():
            totals[next(i for i, bound in enumerate(bounds) if edge <= bound)] += rows
        sides.append([*totals, side.missing])
    return _without_empty([*labels, MISSING], *sides)


def _category_bins(counts: Counts) -> tuple[list[str], list[int], list[int]]:
    commonest = sorted(counts.before.counts, key=lambda name: (-counts.before.counts[name], name))[:MOST_CATEGORIES]
    sides = [
        [
            *(side.counts.get(name, 0) for name in commonest),
            sum(rows for name, rows in side.counts.items() if name not in commonest),
            side.missing,
        ]
        for side in (counts.before, counts.now)
    ]
    return _without_empty([*commonest, OTHER, MISSING], *sides)


def _without_empty(labels: list[str], before: list[int], now: list[int]) -> tuple[list[str], list[int], list[int]]:
    kept = [i for i in range(len(labels)) if before[i] or now[i]]
    return [labels[i] for i in kept], [before[i] for i in kept], [now[i] for i in kept]


def _number_distances(counts: Counts) -> dict[str, Any]:
    before, now = counts.before, counts.now
    found: dict[str, Any] = {
        "mean_before": None if before.mean is None else rounded(before.mean),
        "mean_now": None if now.mean is None else rounded(now.mean),
        "wasserstein": None,
        "wasserstein_scaled": None,
    }
    if before.low is None or before.high is None or now.low is None or now.high is None:
        return found
    low, high = min(before.low, now.low), max(before.high, now.high)
    edges = [low, *(edge for edge in counts.edges if low < edge < high), high]
    rows = [_between(edges, side.counts) for side in (before, now)]
    shift = now.mean - before.mean if now.mean is not None and before.mean is not None else None
    moved = wasserstein(edges, *rows, moved=shift, steps=len(counts.edges) <= FEW_VALUES)
    found["wasserstein"] = rounded(moved)
    found["wasserstein_scaled"] = rounded(moved / before.deviation) if before.deviation else None
    return found


def _between(edges: Sequence[float], counts: Any) -> list[int]:
    """Rows up to each edge: those that the engine counted up to a percentile, or above the last one."""
    totals = [0] * len(edges)
    for edge, rows in counts.items():
        totals[next((i for i, bound in enumerate(edges) if edge <= bound), len(edges) - 1)] += rows
    return totals


def _category_distances(counts: Counts) -> dict[str, Any]:
    before, now = counts.before.counts, counts.now.counts
    names = list(dict.fromkeys([*before, *now]))
    present = sum(now.values())
    return {
        "jensen_shannon": rounded(
            jensen_shannon([before.get(name, 0) for name in names], [now.get(name, 0) for name in names])
        ),
        "unseen": rounded(sum(rows for name, rows in now.items() if name not in before) / present) if present else 0.0,
    }
