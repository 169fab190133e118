"""What a person sees while a fleet runs: one live line a client, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

import click

from workbench.fleet.events import Progress
from workbench.fleet.plan import Cell
from workbench.fleet.run import Run
from workbench.fleet.table import clock

__all__ = ["LiveView", "PlainView", "View", "view_for"]

DRAW_SECONDS = 0.1


class View:
    """Who is told of a fleet run; this one keeps it to itself."""

    def __enter__(self) -> Self:
        """The runner begins."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The runner has ended."""

    def started(self, cell: Cell) -> None:
        """A worker was started."""

    def progress(self, cell: Cell, progress: Progress) -> None:
        """A worker told how far it is."""

    def ended(self, run: Run) -> None:
        """A worker is gone."""

    def say(self, text: str) -> None:
        """Anything else."""

    def refresh(self) -> None:
        """There is time to draw; several times a second."""


def view_for(stream: TextIO, total: int, cells: Sequence[Cell] = ()) -> View:
    """The view that suits a stream; ``cells`` are the plan, so that what waits can be named."""
    return LiveView(stream, total, cells) if stream.isatty() else PlainView(stream)


class PlainView(View):
    """A line when a run starts, when a node ends, and when the run ends: for logs and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._done: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def started(self, cell: Cell) -> None:
        """A worker was started."""
        self._done[cell.client], self._since[cell.client] = 0, time.monotonic()
        self.say(f"{cell.client}  {cell.pipeline}  started")

    def progress(self, cell: Cell, progress: Progress) -> None:
        """It told something."""
        if progress.done > self._done[cell.client]:
            self._done[cell.client] = progress.done
            seconds = clock(time.monotonic() - self._since[cell.client])
            self.say(f"{cell.client}  {cell.pipeline}  {progress.done}/{progress.total}  {seconds}  {progress.node}")

    def ended(self, run: Run) -> None:
        """It is gone."""
        self.say(ending(run))

    def say(self, text: str) -> None:
        """Anything else."""
        click.echo(text, file=self._stream)


class LiveView(View):
    """What runs, at the foot of the terminal; what has ended scrolls away above. See :class:`Board`."""

    def __init__(self, stream: TextIO, total: int, cells: Sequence[Cell] = ()) -> None:
        from rich.console import Console
        from rich.live import Live

        from workbench.fleet.live import Board

        self._console = Console(file=stream, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._board = Board(total, cells, time.monotonic())
        self._due = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def started(self, cell: Cell) -> None:
        """A worker was started."""
        self._board.start(cell, time.monotonic())

    def progress(self, cell: Cell, progress: Progress) -> None:
        """It told something."""
        self._board.tell(cell, progress)

    def ended(self, run: Run) -> None:
        """It is gone."""
        from workbench.fleet.live import line_of

        self._board.end(run)
        self._console.print(line_of(run))
        self._due = 0.0  # below the line, Rich has drawn once more what was drawn last
        self.refresh()

    def say(self, text: str) -> None:
        """Anything else."""
        from rich.text import Text

        self._console.print(Text(text, "bold"))

    def refresh(self) -> None:
        """Draw it anew, unless it was drawn a moment ago."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + DRAW_SECONDS
            self._live.update(self._board.drawn(self._console.width, self._console.height, now), refresh=True)


def ending(run: Run) -> str:
    """One line on a run that has ended."""
    line = f"{run.client}  {run.pipeline}  {run.state}  {clock(run.seconds)}"
    return f"{line}  {run.error}" if run.error else line
