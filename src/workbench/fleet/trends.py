"""The last runs of each client and pipeline as a few numbers, to be drawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.fleet.schema import connect

__all__ = ["Point", "Trends", "trends_of"]

_DURATIONS = """
    SELECT number, seconds FROM run
    WHERE client = ? AND pipeline = ? AND state = 'succeeded' AND partial = 0 AND seconds IS NOT NULL
    ORDER BY number DESC LIMIT ?
"""
_VALUES = """
    SELECT number, metric, value, champion FROM run
    WHERE client = ? AND value IS NOT NULL ORDER BY number DESC LIMIT ?
"""
_CHAMPION = "SELECT champion FROM run WHERE client = ? AND champion IS NOT NULL ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True)
class Point:
    """One run of a trend.

    Attributes:
        number: of the run.
        value: seconds, or the metric's value.
        champion: the version that was champion after it, if the run said so.
    """

    number: int
    value: float
    champion: int | None = None


@dataclass(frozen=True)
class Trends:
    """Oldest first.

    Attributes:
        durations: by client and pipeline, of whole runs that succeeded.
        metrics: by client, the name of its primary metric.
        values: by client, that metric; earlier runs under another metric are left out.
        champions: by client, the version that its last run knew as champion.
    """

    durations: Mapping[tuple[str, str], tuple[Point, ...]]
    metrics: Mapping[str, str]
    values: Mapping[str, tuple[Point, ...]]
    champions: Mapping[str, int]


def trends_of(path: Path, cells: Iterable[tuple[str, str]], limit: int) -> Trends:
    """The trends of these clients and pipelines.

    A query a cell reads ``limit`` rows of an index; one query for all of them would read the whole ledger.

    Args:
        path: the ledger's file.
        cells: pairs of client and pipeline.
        limit: runs of a trend.

    Raises:
        Busy, ConfigurationError: see :func:`workbench.fleet.schema.connect`.
    """
    wanted = sorted(set(cells))
    clients = sorted({client for client, _ in wanted})
    durations, metrics, values, champions = {}, {}, {}, {}
    with _reading(path) as ledger:
        if ledger is None:
            return Trends({}, {}, {}, {})
        for cell in wanted:
            rows = ledger.execute(_DURATIONS, (*cell, limit)).fetchall()
            durations[cell] = tuple(Point(row["number"], row["seconds"]) for row in reversed(rows))
        for client in clients:
            rows = ledger.execute(_VALUES, (client, limit)).fetchall()
            if rows:
                metrics[client] = rows[0]["metric"]
                same = [row for row in reversed(rows) if row["metric"] == metrics[client]]
                values[client] = tuple(Point(row["number"], row["value"], row["champion"]) for row in same)
            known = ledger.execute(_CHAMPION, (client,)).fetchone()
            if known:
                champions[client] = known["champion"]
    return Trends(durations, metrics, values, champions)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    if not path.exists():
        yield None
        return
    with connect(path) as connection:
        yield connection
