"""What the live view draws, at any size of a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from workbench.fleet.events import Progress
from workbench.fleet.live import Board, line_of
from workbench.fleet.plan import Cell
from workbench.fleet.run import STATES, Run

SENTENCE = "client clinic, table samples: column 'mean_radius' is missing. Next: rename it"


def a_run(client: str, state: str = "succeeded", error: str | None = None) -> Run:
    row: dict[str, object] = dict.fromkeys(Run.__dataclass_fields__)
    return Run(**(row | {"client": client, "pipeline": "train", "state": state, "seconds": 31.2, "error": error}))


def drawn(what: object, width: int, height: int = 30) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def a_board(clients: int, running: int) -> Board:
    cells = [
        Cell(f"client_{number}", pipeline, 100.0) for number in range(clients) for pipeline in ("train", "evaluate")
    ]
    board = Board(len(cells), cells, 0.0)
    for cell in cells[: 2 * running : 2]:
        board.start(cell, 10.0)
        board.tell(cell, Progress(3, 7, "fit_network"))
    return board


def test_wide() -> None:
    lines = drawn(a_board(3, 2).drawn(120, 30, 50.0), 120)
    assert lines[0] == "", "apart from what has scrolled away"
    assert lines[1].split()[:2] == ["client_0", "train"]
    assert lines[1].endswith("3/7  40s of 1m 40s  fit_network")
    assert "━" in lines[1]
    assert lines[3] == "2 running, 4 waiting, 0 of 6 ended  50s, about 4m 20s left"
    assert lines[4] == "next: client_0 evaluate, client_1 evaluate, client_2 train, client_2 evaluate"


def test_narrow() -> None:
    lines = drawn(a_board(3, 1).drawn(50, 30, 50.0), 50)
    assert lines[1].split() == ["client_0", "train", "3/7", "40s"]
    assert lines[-1].startswith("next: client_0 evaluate, client_1 train")
    assert lines[-1].endswith("…")


def test_a_failure_takes_the_later_runs_of_its_client_with_it() -> None:
    board = a_board(3, 1)
    board.end(a_run("client_0", "failed", SENTENCE))
    lines = drawn(board.drawn(120, 30, 50.0), 120)
    assert lines[1] == "0 running, 4 waiting, 1 of 6 ended, 1 not well, 1 will not start  50s"
    assert lines[2].startswith("next: client_1 train")


def test_what_ended_is_one_line_and_its_sentence_is_indented() -> None:
    assert drawn(line_of(a_run("skyways")), 80) == ["✓ skyways  train  succeeded  31.2s"]
    assert drawn(line_of(a_run("clinic", "failed", SENTENCE)), 60) == [
        "✗ clinic  train  failed  31.2s",
        "  client clinic, table samples: column 'mean_radius' is",
        "  missing. Next: rename it",
    ]


def test_a_run_that_takes_longer_than_ever_is_no_less_than_nothing_left() -> None:
    board = Board(1, [Cell("a", "train", 10.0)], 0.0)
    board.start(Cell("a", "train", 10.0), 0.0)
    assert "about 0s left" in drawn(board.drawn(120, 30, 500.0), 120)[2]


def test_without_a_plan_or_its_times_nothing_is_foretold() -> None:
    for cells in ([], [Cell("a", "train"), Cell("b", "train")]):
        board = Board(2, cells, 0.0)
        board.start(Cell("a", "train"), 0.0)
        lines = drawn(board.drawn(120, 30, 5.0), 120)
        assert lines[2] == "1 running, 1 waiting, 0 of 2 ended  5s"


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 60), st.integers(12, 240))
def test_it_never_outgrows_the_terminal(clients: int, running: int, height: int, width: int) -> None:
    lines = drawn(a_board(clients, min(running, clients)).drawn(width, height, 99.0), width, height)
    assert len(lines) <= max(1, height - 1)
    assert all(len(line) <= width for line in lines)


def test_a_thousand_clients_are_counted_and_some_are_shown() -> None:
    lines = drawn(a_board(1000, 1000).drawn(100, 12, 99.0), 100, 12)
    assert len(lines) == 10
    assert "  and 994 more" in lines
    assert "1000 running, 1000 waiting, 0 of 2000 ended" in lines[-2]


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_shown(state: str) -> None:
    assert state in drawn(line_of(a_run("a", state)), 80)[0]


@given(st.text(max_size=30))
def test_no_name_is_markup(name: str) -> None:
    plain = "".join(filter(str.isprintable, name))
    board = Board(1, [], 0.0)
    board.start(Cell("a", "train"), 0.0)
    board.tell(Cell("a", "train"), Progress(0, 1, f"[bold]{plain}[/bold]"))
    assert "[bold]" in drawn(board.drawn(200, 30, 1.0), 200)[1]
