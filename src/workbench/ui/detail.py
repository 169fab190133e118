"""What the page of one client says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.fleet.ledger import Ledger
from workbench.fleet.run import Run
from workbench.fleet.trends import Point, trends_of
from workbench.monitoring.latest import Latest, latest
from workbench.schedules.book import SlotBook
from workbench.schedules.slot import Slot
from workbench.ui.clients import Known
from workbench.ui.files import Report, reports_of
from workbench.ui.overview import Now, now_of, ordered
from workbench.ui.proof import Proof, proof_of

if TYPE_CHECKING:
    from workbench.ui.neighbours import Neighbours

__all__ = ["Detail", "Past", "Scheduled", "detail", "report_folders"]

RUNS_SHOWN = 60
TREND_RUNS = 40


@dataclass(frozen=True)
class Past:
    """A run, and what differs from the same pipeline's run before it."""

    run: Run
    is_new_code: bool
    is_new_configuration: bool


@dataclass(frozen=True)
class Scheduled:
    """A schedule: when it comes, and how it went the last time."""

    name: str
    words: str
    due: datetime | None
    is_paused: bool
    last: Slot | None


@dataclass(frozen=True)
class Detail:
    """The page.

    Attributes:
        durations: of each pipeline that ran well more than once.
    """

    made: datetime
    known: Known
    now: tuple[Now, ...]
    runs: tuple[Past, ...]
    metric: str | None
    values: tuple[Point, ...]
    durations: tuple[tuple[str, tuple[Point, ...]], ...]
    champion: int | None
    proof: Proof
    reports: tuple[Report, ...]
    schedules: tuple[Scheduled, ...]
    monitor: Latest | None = None


def report_folders(client: str | None) -> tuple[str, ...]:
    """The way from the project's folder to the reports of a client, or of the whole fleet."""
    return ("data", client, "08_reporting") if client else (".workbench", "reports")


def detail(project: Path, known: Known, order: Sequence[str], neighbours: Neighbours, made: datetime) -> Detail:
    """Read it; for the arguments see :func:`workbench.ui.overview.overview`.

    Raises:
        Busy, ConfigurationError: the ledger cannot be read.
    """
    ledger = Ledger.of(project)
    runs = ledger.history(known.id, RUNS_SHOWN)
    pipelines = ordered({run.pipeline for run in runs}, order)
    trends = trends_of(ledger.path, ((known.id, name) for name in pipelines), TREND_RUNS)
    timed = [(name, trends.durations[known.id, name]) for name in pipelines]
    state = ledger.path.parent
    champions = {**trends.champions, **neighbours.champions}
    return Detail(
        made=made,
        known=known,
        now=tuple(now_of(state, run, trends, made) for run in runs if run.state == "running"),
        runs=_compared(runs),
        metric=trends.metrics.get(known.id),
        values=trends.values.get(known.id, ()),
        durations=tuple((name, points) for name, points in timed if len(points) > 1),
        champion=champions.get(known.id),
        proof=proof_of(project, known.id),
        reports=tuple(reports_of(project, report_folders(known.id))),
        schedules=_schedules(project, known, made),
        monitor=latest(project, known.id),
    )


def _compared(runs: Sequence[Run]) -> tuple[Past, ...]:
    before: dict[int, Run] = {}
    for pipeline in {run.pipeline for run in runs}:
        before |= {later.number: one for later, one in pairwise(run for run in runs if run.pipeline == pipeline)}

    def differs(run: Run, name: str) -> bool:
        mine, other = getattr(run, name), getattr(before.get(run.number), name, None)
        return bool(mine and other and mine != other)

    return tuple(Past(run, differs(run, "git_commit"), differs(run, "config_digest")) for run in runs)


def _schedules(project: Path, known: Known, made: datetime) -> tuple[Scheduled, ...]:
    book = SlotBook(project)
    paused, last = book.paused(), book.last()
    return tuple(
        Scheduled(
            name=entry.name,
            words=entry.cron.in_words(),
            due=None if (known.id, entry.name) in paused else entry.cron.next(made),
            is_paused=(known.id, entry.name) in paused,
            last=last.get((known.id, entry.name)),
        )
        for entry in known.schedules
    )
