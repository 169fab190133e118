from __future__ import annotations

import io

import click
import pytest

from workbench.fleet.events import Progress
from workbench.fleet.plan import Cell
from workbench.fleet.run import Run
from workbench.fleet.table import clock, of_cells, of_runs
from workbench.fleet.view import LiveView, PlainView, View, view_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_run(state: str = "succeeded", **changes: object) -> Run:
    row: dict[str, object] = dict.fromkeys(Run.__dataclass_fields__)
    row |= {"number": 1, "client": "skyways", "pipeline": "train", "state": state, "partial": False, "seconds": 187.0}
    return Run(**(row | changes))


def play(view: View) -> None:
    cell = Cell("skyways", "train")
    with view:
        view.started(cell)
        view.progress(cell, Progress(0, 2, "[bold]fit_network[/bold]"))
        view.refresh()
        view.progress(cell, Progress(1, 2, "[bold]fit_network[/bold]"))
        view.refresh()
        view.say("[red]Stopping[/red]")
        view.ended(a_run("failed", error="[blink]node fit: ValueError"))
        view.refresh()


def test_plain_lines() -> None:
    stream = io.StringIO()
    view = view_for(stream, 1)
    assert isinstance(view, PlainView)
    play(view)
    assert stream.getvalue().splitlines() == [
        "skyways  train  started",
        "skyways  train  1/2  0.0s  [bold]fit_network[/bold]",
        "[red]Stopping[/red]",
        "skyways  train  failed  3m 07s  [blink]node fit: ValueError",
    ]


def test_live_lines_obey_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.fleet.view.DRAW_SECONDS", 0.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    view = view_for(stream, 3)
    assert isinstance(view, LiveView)
    play(view)
    text = click.unstyle(stream.getvalue())
    assert "1/2" in text
    assert "[bold]fit_network[/bold]" in text
    assert "[red]Stopping[/red]" in text
    assert "1 running, 2 waiting, 0 of 3 ended" in text
    assert "✗ skyways  train  failed  3m 07s" in text
    assert "  [blink]node fit: ValueError" in text


def test_what_has_ended_is_not_drawn_as_running_below_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    view = LiveView(stream, 1)
    with view:
        view.started(Cell("skyways", "train"))
        view.refresh()
        view.ended(a_run())
        text = click.unstyle(stream.getvalue())
    assert text.rstrip().splitlines()[-1].startswith("0 running, 0 waiting, 1 of 1 ended")
    assert "starting" not in text.split("\r")[-1], "the last picture"


def test_it_is_not_drawn_more_often_than_an_eye_can_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    view = LiveView(stream, 1)
    with view:
        view.started(Cell("skyways", "train"))
        view.refresh()
        once = len(stream.getvalue())
        for _ in range(50):
            view.refresh()
        assert len(stream.getvalue()) < 2 * once


def test_the_table_shows_what_there_is() -> None:
    runs = [
        a_run(champion=3, metric="roc_auc", value=0.71236, partial=True, ran=2, skipped=29),
        a_run("crashed", client="clinic", seconds=None, error="killed by SIGSEGV"),
    ]
    assert click.unstyle(of_runs(runs, when=False)).splitlines() == [
        "client   pipeline  state             seconds  nodes    champion   metric",
        "skyways  train     succeeded (part)  3m 07s   2 of 31  version 3  roc_auc 0.7124",
        "clinic   train     crashed           —        —        —          —",
        "",
        "clinic train: killed by SIGSEGV",
    ]
    assert "started" in of_runs([], when=True)


def test_the_plan_shows_what_is_known() -> None:
    cells = [Cell("skyways", "train", 12.34), Cell("clinic", "train")]
    assert [line.split() for line in click.unstyle(of_cells(cells)).splitlines()] == [
        ["client", "pipeline", "last", "time"],
        ["skyways", "train", "12.3s"],
        ["clinic", "train", "—"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (0.04, "0.0s"), (59.9, "59.9s"), (60, "1m 00s"), (3599.6, "1h 00m"), (7500, "2h 05m")],
)
def test_clock(seconds: float | None, text: str) -> None:
    assert clock(seconds) == text
