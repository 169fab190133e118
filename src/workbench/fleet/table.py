"""Runs as text: plain columns, since a table of thousands of rows must be there at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from workbench.fleet.run import Run, State

if TYPE_CHECKING:
    from workbench.fleet.again import Compared, Rerun
    from workbench.fleet.foresee import Foreseen
    from workbench.fleet.plan import Cell  # it would import pydantic, which `kedro fleet status` has no use for
    from workbench.fleet.proof import Difference
    from workbench.monitoring.latest import Latest

__all__ = [
    "COLOURS",
    "clock",
    "columns",
    "of_cells",
    "of_comparison",
    "of_differences",
    "of_foreseen",
    "of_history",
    "of_rerun",
    "of_runs",
    "of_verdicts",
]

COLOURS: dict[State, str] = {
    "planned": "cyan",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "crashed": "magenta",
}
_NOTHING = "—"
MAX_CELL = 60
_VERDICTS = {"steady": "green", "watch": "yellow", "retrain": "red"}
_ACTIONS = {"run": "blue", "maybe": "yellow", "skip": "green"}


def of_runs(runs: Sequence[Run], *, when: bool) -> str:
    """Client, pipeline, state, seconds, nodes, champion and metric of each run, and below them what went wrong.

    Args:
        runs: in the order in which they are shown.
        when: also say when each started, in local time.
    """
    staged = any(run.stage for run in runs)
    head = ["client", "pipeline", *(["stage"] if staged else []), "state", *(["started"] if when else [])]
    head += ["seconds", "nodes", "champion", "metric"]
    rows = [
        [
            run.client,
            run.pipeline,
            *([run.stage or _NOTHING] if staged else []),
            run.state + (" (part)" if run.partial else ""),
            *([_local(run.started)] if when else []),
            clock(run.seconds),
            _nodes(run),
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


def of_foreseen(found: Sequence[Foreseen]) -> str:
    """What each node would do, and why; below them how many do what."""
    rows = [[one.client, one.node, one.action, _because(one.reasons)] for one in found]
    lines = columns(["client", "node", "does", "because"], rows, colours=[_ACTIONS[one.action] for one in found])
    counts = [(action, sum(one.action == action for one in found)) for action in _ACTIONS]
    return "\n".join([*lines, "", ", ".join(f"{count} {action}" for action, count in counts)])


def of_history(runs: Sequence[Run]) -> str:
    """One client's runs with their numbers, newest first."""
    if not runs:
        return "No run yet."
    rows = [
        [
            str(run.number),
            run.pipeline,
            run.state + (" (part)" if run.partial else ""),
            _local(run.started),
            clock(run.seconds),
            _nodes(run),
            (run.git_commit or _NOTHING)[:9] + ("+" if (run.git_commit or "").endswith("-dirty") else ""),
            _NOTHING if run.value is None else f"{run.metric} {run.value:.4f}",
        ]
        for run in runs
    ]
    head = ["run", "pipeline", "state", "started", "seconds", "nodes", "commit", "metric"]
    return "\n".join(columns(head, rows, colours=[COLOURS[run.state] for run in runs]))


def of_differences(found: Sequence[Difference]) -> str:
    """What two runs do not share."""
    if not found:
        return "Nothing differs: code, configuration, data and results are the same."
    rows = [[one.kind, one.name, _value(one.before), _value(one.after)] for one in found]
    return "\n".join(columns(["what", "which", "before", "after"], rows))


def of_rerun(plan: Rerun) -> str:
    """What would be run again."""
    return f"Would check out {plan.commit[:12]} beside the project, and type: kedro run {' '.join(plan.options)}"


def of_comparison(found: Sequence[Compared]) -> str:
    """Which datasets came out the same."""
    if not found:
        return "The run left nothing that can be compared."
    rows = []
    for one in found:
        verdict = "same" if one.before == one.after else "differs" if one.decides else "differs, as it bears times"
        rows.append([one.dataset, _value(one.before), verdict, _value(one.after)])
    colours = ["green" if one.is_same else "red" for one in found]
    lines = columns(["dataset", "then", "is", "now"], rows, colours=colours)
    wrong = sum(not one.is_same for one in found)
    return "\n".join([*lines, "", "The same, byte by byte." if not wrong else f"{wrong} of {len(found)} differ."])


def of_verdicts(verdicts: Mapping[str, Latest | None]) -> str:
    """What ``monitor`` said of each client's champion the last time, with its first reason; empty if of none."""
    found = [(client, one) for client, one in verdicts.items() if one is not None]
    return "\n".join(
        f"{client}, monitor: {click.style(one.verdict, fg=_VERDICTS.get(one.verdict))} "
        f"(version {one.version}, {_local(one.made)}){': ' + one.reason if one.reason else ''}"
        for client, one in found
    )


def _value(value: str | float | None) -> str:
    if value is None:
        return _NOTHING
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    digest, dash, rest = text.partition("-")
    if len(digest) in {40, 64} and set(digest) <= set("0123456789abcdef"):
        text = digest[:12] + dash + rest
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


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


def _because(reasons: Sequence[str]) -> str:
    """The first two reasons, which come first because they say most."""
    more = len(reasons) - 2
    return "; ".join(reasons[:2]) + (f"; and {more} more" if more > 0 else "")


def _nodes(run: Run) -> str:
    """``2 of 31``: so many had to run."""
    return _NOTHING if run.ran is None or run.skipped is None else f"{run.ran} of {run.ran + run.skipped}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _local(started: str | None) -> str:
    return _NOTHING if started is None else f"{datetime.fromisoformat(started).astimezone():%Y-%m-%d %H:%M}"
