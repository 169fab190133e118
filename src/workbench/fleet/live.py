"""The live view of a fleet run in a terminal: what runs, what waits and what went wrong, and no more than fits.

Rich's own refresh thread is off: the runner forks, and draws when it has time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.fleet.events import Progress
from workbench.fleet.plan import Cell
from workbench.fleet.run import Run
from workbench.fleet.table import COLOURS, clock

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["Board", "line_of"]

WIDE, MEDIUM = 100, 64
"""Columns of a terminal from which on the expected time and the node, or the bar, have room."""

BLUE = "blue"
SIGNS = {"succeeded": "✓", "failed": "✗", "crashed": "✗", "cancelled": "⊘"}


@dataclass(frozen=True)
class _Running:
    since: float
    progress: Progress


class Board:
    """What the view knows, and how it is drawn.

    Args:
        total: runs of the plan.
        cells: the plan, in its order, if it is known; what waits is then named.
        begun: now, by a monotonic clock.
    """

    def __init__(self, total: int, cells: Sequence[Cell], begun: float) -> None:
        self._total, self._waiting, self._begun = total, list(cells), begun
        self._running: dict[Cell, _Running] = {}
        self._ended = self._failed = self._dropped = 0

    def start(self, cell: Cell, now: float) -> None:
        """A worker was started."""
        self._waiting = [one for one in self._waiting if one != cell]
        self._running[cell] = _Running(now, Progress(0, 0, ""))

    def tell(self, cell: Cell, progress: Progress) -> None:
        """A worker told how far it is."""
        self._running[cell] = _Running(self._running[cell].since, progress)

    def end(self, run: Run) -> None:
        """A worker is gone; of a client whose run did not succeed, nothing more will start."""
        self._ended += 1
        self._running = {cell: one for cell, one in self._running.items() if cell.client != run.client}
        if run.state != "succeeded":
            self._failed += 1
            left = [cell for cell in self._waiting if cell.client != run.client]
            self._dropped += len(self._waiting) - len(left)
            self._waiting = left

    def drawn(self, width: int, height: int, now: float) -> RenderableType:
        """At most ``height`` - 1 lines: what does not fit on the terminal would make it flicker."""
        from rich.console import Group
        from rich.text import Text

        if height <= 4:
            return Group(self._sum(now))
        room = max(1, height - 6)
        shown = list(self._running.items())[:room]
        more = len(self._running) - len(shown)
        parts: list[RenderableType] = [Text("")] if height > 6 else []
        parts += [self._table(shown, width, now)] if shown else []
        if more:
            parts.append(Text(f"  and {more} more", "dim"))
        return Group(*parts, *(line for line in (self._sum(now), self._next()) if line is not None))

    def _table(self, shown: Iterable[tuple[Cell, _Running]], width: int, now: float) -> Table:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2, 0, 0), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=16)
        if width >= MEDIUM:
            table.add_column(width=20 if width >= WIDE else 12)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        if width >= MEDIUM:
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if width >= WIDE else None)
        for cell, one in shown:
            done, total = one.progress.done, one.progress.total
            elapsed = now - one.since
            time = Text(_whole(elapsed))
            if width >= WIDE and cell.expected is not None:
                time.append(f" of {_whole(cell.expected)}", "yellow" if elapsed > 1.5 * cell.expected + 5 else "dim")
            row: list[RenderableType] = [Text(cell.client, "bold"), Text(cell.pipeline)]
            if width >= MEDIUM:
                bar = ProgressBar(total=max(1, total), completed=done, complete_style=BLUE, finished_style=BLUE)
                row.append(bar)
            row += [Text(f"{done}/{total}" if total else "", "dim"), time]
            if width >= MEDIUM:
                row.append(Text(one.progress.node or "starting", "cyan" if one.progress.node else "dim"))
            table.add_row(*row)
        return table

    def _sum(self, now: float) -> Text:
        from rich.text import Text

        waiting = self._total - self._ended - len(self._running) - self._dropped
        line = Text(f"{len(self._running)} running, {waiting} waiting, {self._ended} of {self._total} ended", "bold")
        if self._failed:
            line.append(f", {self._failed} not well", "red")
        if self._dropped:
            line.append(f", {self._dropped} will not start", "yellow")
        line.append(f"  {_whole(now - self._begun)}", "dim")
        left = self._left(now)
        if left is not None:
            line.append(f", about {_whole(left)} left", "dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        return line

    def _left(self, now: float) -> float | None:
        """Seconds until the end, if each takes as long as it took the last time and the workers stay busy."""
        if not self._running or not (self._waiting or self._total == self._ended + len(self._running)):
            return None
        ahead = [cell.expected for cell in self._waiting]
        ahead += [cell.expected and max(0.0, cell.expected - (now - one.since)) for cell, one in self._running.items()]
        known = [seconds for seconds in ahead if seconds is not None]
        return sum(known) / len(self._running) if len(known) == len(ahead) else None

    def _next(self) -> Text | None:
        from rich.text import Text

        if not self._waiting:
            return None
        names = ", ".join(f"{cell.client} {cell.pipeline}" for cell in self._waiting[:8])
        return Text(f"next: {names}", "dim", no_wrap=True, overflow="ellipsis")


def line_of(run: Run) -> RenderableType:
    """One line on a run that has ended, and below it what went wrong. Text, since nothing in it is markup."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    colour = COLOURS[run.state]
    line = Text.assemble(
        (f"{SIGNS.get(run.state, '·')} ", colour),
        (run.client, "bold"),
        f"  {run.pipeline}  ",
        (run.state, "dim" if run.state == "succeeded" else colour),
        (f"  {clock(run.seconds)}", "dim"),
    )
    return Group(line, Padding(Text(run.error, colour), (0, 0, 0, 2))) if run.error else line


def _whole(seconds: float) -> str:
    """Whole seconds: tenths would make every line flicker."""
    return f"{seconds:.0f}s" if seconds < 59.5 else clock(seconds)
