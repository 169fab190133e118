"""What a person sees while a fleet runs: one live line a client, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import click

from workbench.fleet.events import Progress
from workbench.fleet.plan import Cell
from workbench.fleet.run import Run
from workbench.fleet.table import COLOURS, clock

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["LiveView", "PlainView", "View", "view_for"]


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


def view_for(stream: TextIO, total: int) -> View:
    """The view that suits a stream."""
    return LiveView(stream, total) if stream.isatty() else PlainView(stream)


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
    """A line for each client that runs; those that ended scroll away above.

    Rich's own refresh thread is off: the runner forks, and draws when it has time.
    """

    def __init__(self, stream: TextIO, total: int) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._total, self._ended = total, 0
        self._running: dict[Cell, tuple[float, Progress]] = {}

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def started(self, cell: Cell) -> None:
        """A worker was started."""
        self._running[cell] = (time.monotonic(), Progress(0, 0, "starting"))

    def progress(self, cell: Cell, progress: Progress) -> None:
        """It told something."""
        self._running[cell] = (self._running[cell][0], progress)

    def ended(self, run: Run) -> None:
        """It is gone."""
        self._ended += 1
        self._running = {cell: now for cell, now in self._running.items() if cell.client != run.client}
        self._print(ending(run), COLOURS[run.state])

    def say(self, text: str) -> None:
        """Anything else."""
        self._print(text, "bold")

    def refresh(self) -> None:
        """Draw it anew."""
        self._live.update(self._drawing(), refresh=True)

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text

        # Text, because what stands in it is never markup.
        self._console.print(Text(text, style))

    def _drawing(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        # What does not fit on the terminal would make it flicker.
        for cell, (since, progress) in list(self._running.items())[: max(1, self._console.height - 3)]:
            table.add_row(
                Text(cell.client, "bold"),
                Text(cell.pipeline),
                ProgressBar(total=max(1, progress.total), completed=progress.done, width=20),
                Text(f"{progress.done}/{progress.total}"),
                Text(clock(time.monotonic() - since)),
                Text(progress.node, "dim"),
            )
        waiting = self._total - self._ended - len(self._running)
        return Group(table, Text(f"{len(self._running)} running, {waiting} waiting, {self._ended} ended", "dim"))


def ending(run: Run) -> str:
    """One line on a run that has ended."""
    line = f"{run.client}  {run.pipeline}  {run.state}  {clock(run.seconds)}"
    return f"{line}  {run.error}" if run.error else line
