"""What a person sees while a target works: a line a step, and a bar where the service says how far it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from workbench.targets.working import Silence, Waiting

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from workbench.targets.protocol import Doing

__all__ = ["view"]


@contextmanager
def view(*, silent: bool) -> Iterator[Waiting]:
    """Who is told: nobody for JSON, a bar on a terminal, lines anywhere else; all on standard error."""
    if silent:
        yield Silence()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[says]}"))
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
            yield _Bar(progress)


class _Lines:
    def step(self, text: str) -> None:
        click.echo(f"  {text} ...", err=True)

    def doing(self, doing: Doing) -> None:
        pass


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def step(self, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, total=1, completed=1, says="done")
        self._task = self._progress.add_task(text, total=None, says="")

    def doing(self, doing: Doing) -> None:
        if self._task is not None:
            total = None if doing.share is None else 1.0
            self._progress.update(self._task, total=total, completed=doing.share or 0.0, says=doing.says)
