"""Runs as text: plain columns, since a table of thousands of rows must be there at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from workbench.fleet.run import Run, State

if TYPE_CHECKING:
    from workbench.fleet.plan import Cell  # it would import pydantic, which `kedro fleet status` has no use for

__all__ = ["COLOURS", "clock", "columns", "of_cells", "of_runs"]

COLOURS: dict[State, str] = {
    "planned": "cyan",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "crashed": "magenta",
}
_NOTHING = "—"


def of_runs(runs: Sequence[Run], *, when: bool) -> str:
    """Client, pipeline, state, seconds, champion and metric of each run, and below them what went wrong.

    Args:
        runs: in the order in which they are shown.
        when: also say when each started, in local time.
    """
    head = ["client", "pipeline", "state", *(["started"] if when else []), "seconds", "champion", "metric"]
    rows = [
        [
            run.client,
            run.pipeline,
            run.state + (" (part)" if run.partial else ""),
            *([_local(run.started)] if when else []),
            clock(run.seconds),
            _NOTHING if run.champion is None else f"version {run.champion}",
            _NOTHING if run.value is None else f"{run.metric} {run.value:.4f}",
        ]
        for run in runs
    ]
    lines = columns(head, rows, colours=[COLOURS[run.state] for run in runs])
    wrong = [f"{run.client} {run.pipeline}: {run.error}" for run in runs if run.error]
    return "\n".join([*lines, *([""] if wrong else []), *wrong])


def of_cells(cells: Sequence[Cell]) -> str:
    """What a plan will do, in its order, and how long each took the last time."""
    rows = [[cell.client, cell.pipeline, clock(cell.expected)] for cell in cells]
    return "\n".join(columns(["client", "pipeline", "last time"], rows))


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str] = ()) -> list[str]:
    """Left-aligned columns under a bold head; the third cell of row i in ``colours[i]``."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [click.style(_line(head, widths), bold=True)]
    for position, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if colours:
            cells[2] = click.style(cells[2], fg=colours[position])
        lines.append("  ".join(cells).rstrip())
    return lines


def clock(seconds: float | None) -> str:
    """``4.2s``, ``3m 07s``, ``2h 05m``."""
    if seconds is None:
        return _NOTHING
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest:02d}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02d}m"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _local(started: str | None) -> str:
    return _NOTHING if started is None else f"{datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
