"""What the page of the fleet says."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger
from workbench.fleet.progress import progress_of
from workbench.fleet.run import Run
from workbench.fleet.trends import Point, Trends, trends_of
from workbench.monitoring.latest import Latest, latest
from workbench.schedules.book import SlotBook
from workbench.ui.clients import Known, Roster
from workbench.ui.words import instant

if TYPE_CHECKING:
    from workbench.ui.neighbours import Neighbours

__all__ = ["BROKEN", "Coming", "Now", "Overview", "Row", "next_slot", "now_of", "ordered", "overview"]

TREND_RUNS = 12
SLOTS_SHOWN = 6
BROKEN = frozenset({"failed", "crashed"})


@dataclass(frozen=True)
class Now:
    """A run that is open.

    Attributes:
        expected: seconds that the last whole run of this pipeline took.
    """

    run: Run
    progress: Progress | None
    elapsed: float | None
    expected: float | None


@dataclass(frozen=True)
class Coming:
    """The next slot of a schedule."""

    client: str
    schedule: str
    due: datetime


@dataclass(frozen=True)
class Row:
    """A line of the matrix.

    Attributes:
        runs: the last one of each pipeline.
        durations: by pipeline.
        champion: the registry's, or else the one that the last run knew.
        monitor: what `monitor` said of it the last time.
    """

    known: Known
    runs: Mapping[str, Run]
    durations: Mapping[str, tuple[Point, ...]]
    metric: str | None
    values: tuple[Point, ...]
    champion: int | None
    coming: Coming | None
    monitor: Latest | None = None

    @property
    def is_broken(self) -> bool:
        """Something of it failed the last time, or its file cannot be read."""
        return self.known.problem is not None or any(run.state in BROKEN for run in self.runs.values())

    @property
    def is_open(self) -> bool:
        """Something of it runs or waits."""
        return any(run.finished is None for run in self.runs.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "client": self.known.id,
            "title": self.known.title,
            "problem": self.known.problem,
            "champion": self.champion,
            "monitor": self.monitor and self.monitor.to_dict(),
            "metric": self.metric,
            "values": [point.value for point in self.values],
            "next": self.coming.due.isoformat() if self.coming else None,
            "runs": [
                run.to_dict() | {"trend": [point.value for point in self.durations[name]]}
                for name, run in self.runs.items()
            ],
        }


@dataclass(frozen=True)
class Overview:
    """The page.

    Attributes:
        gone: ids in the ledger that are no clients any more.
        problems: the last runs that failed, newest first; files that cannot be read are in the rows.
    """

    made: datetime
    pipelines: tuple[str, ...]
    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    now: tuple[Now, ...]
    waiting: tuple[Run, ...]
    problems: tuple[Run, ...]
    coming: tuple[Coming, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        running = [{**one.run.to_dict(), "progress": one.progress and asdict(one.progress)} for one in self.now]
        return {
            "made": self.made.isoformat(),
            "pipelines": list(self.pipelines),
            "clients": [row.to_dict() for row in self.rows],
            "running": running,
            "waiting": [run.to_dict() for run in self.waiting],
            "coming": [{**vars(one), "due": one.due.isoformat()} for one in self.coming],
        }


def overview(project: Path, roster: Roster, order: Iterable[str], neighbours: Neighbours, made: datetime) -> Overview:
    """Read it.

    Args:
        project: the project's folder.
        roster: its clients.
        order: pipelines in the order in which they stand in the registry; others come after them.
        neighbours: knows the champions.
        made: now.

    Raises:
        Busy, ConfigurationError: the ledger cannot be read.
    """
    ledger, clients = Ledger.of(project), roster.all()
    last = ledger.last()
    runs = [run for run in last if run.client in clients]
    trends = trends_of(ledger.path, ((run.client, run.pipeline) for run in runs), TREND_RUNS)
    champions = {**trends.champions, **neighbours.champions}
    paused = SlotBook(project).paused()
    coming = {name: next_slot(known, paused, made) for name, known in clients.items()}
    by_client: dict[str, dict[str, Run]] = {name: {} for name in clients}
    for run in runs:
        by_client[run.client][run.pipeline] = run
    rows = tuple(
        replace(_row(known, by_client[name], trends, champions.get(name), coming[name]), monitor=latest(project, name))
        for name, known in clients.items()
    )
    slots = heapq.nsmallest(SLOTS_SHOWN, filter(None, coming.values()), key=lambda one: (one.due, one.client))
    broken = [run for run in runs if run.state in BROKEN]
    return Overview(
        made=made,
        pipelines=ordered({run.pipeline for run in runs}, order),
        rows=rows,
        gone=tuple(sorted({run.client for run in last} - set(clients))),
        now=tuple(now_of(ledger.path.parent, run, trends, made) for run in runs if run.state == "running"),
        waiting=tuple(run for run in runs if run.state == "planned"),
        problems=tuple(sorted(broken, key=lambda run: -run.number)),
        coming=tuple(slots),
    )


def next_slot(known: Known, paused: Mapping[tuple[str, str], datetime], now: datetime) -> Coming | None:
    """The next one of all its schedules that are not paused."""
    slots = [
        Coming(known.id, entry.name, due)
        for entry in known.schedules
        if (known.id, entry.name) not in paused and (due := entry.cron.next(now)) is not None
    ]
    return min(slots, key=lambda one: one.due, default=None)


def _row(known: Known, runs: Mapping[str, Run], trends: Trends, champion: int | None, coming: Coming | None) -> Row:
    return Row(
        known=known,
        runs=runs,
        durations={name: trends.durations.get((known.id, name), ()) for name in runs},
        metric=trends.metrics.get(known.id),
        values=trends.values.get(known.id, ()),
        champion=champion,
        coming=coming,
    )


def now_of(state: Path, run: Run, trends: Trends, made: datetime) -> Now:
    """What a running run is at; ``state`` is the project's ``.workbench`` folder."""
    begun = instant(run.started)
    past = trends.durations.get((run.client, run.pipeline), ())
    return Now(
        run=run,
        progress=progress_of(state, run.client, run.number),
        elapsed=max(0.0, (made - begun).total_seconds()) if begun else None,
        expected=past[-1].value if past else None,
    )


def ordered(found: set[str], order: Iterable[str]) -> tuple[str, ...]:
    """Pipelines in the order of the registry; those that it does not know come after them."""
    places = {name: place for place, name in enumerate(order)}
    return tuple(sorted(found, key=lambda name: (places.get(name, len(places)), name)))
