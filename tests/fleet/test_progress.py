"""How far a run is, left for who looks on."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.fleet.events import Progress
from workbench.fleet.ledger import Ledger, state_folder
from workbench.fleet.plan import Cell
from workbench.fleet.progress import forget_progress, leave_progress, progress_of
from workbench.fleet.runner import Fleet
from workbench.fleet.view import View


def test_what_was_left_is_found_by_its_run_alone(tmp_path: Path) -> None:
    leave_progress(tmp_path, "alpha", 7, Progress(1, 3, "fit"))
    assert progress_of(tmp_path, "alpha", 7) == Progress(1, 3, "fit")
    assert progress_of(tmp_path, "alpha", 8) is None
    assert progress_of(tmp_path, "beta", 7) is None
    assert [path.name for path in (tmp_path / "progress").iterdir()] == ["alpha.json"]
    forget_progress(tmp_path, "alpha")
    forget_progress(tmp_path, "alpha")
    assert progress_of(tmp_path, "alpha", 7) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"number": 7}', b"\xff", b'{"number": 7, "done": "x"}', b"[" * 9000]
)
def test_what_is_broken_says_nothing(tmp_path: Path, content: bytes) -> None:
    leave_progress(tmp_path, "alpha", 7, Progress(1, 3, "fit"))
    (tmp_path / "progress/alpha.json").write_bytes(content)
    assert progress_of(tmp_path, "alpha", 7) is None


def test_a_folder_that_cannot_be_written_fails_no_run(tmp_path: Path) -> None:
    (tmp_path / "progress").write_text("a file")
    leave_progress(tmp_path, "alpha", 7, Progress(1, 3, "fit"))
    forget_progress(tmp_path, "alpha")
    assert progress_of(tmp_path, "alpha", 7) is None


@pytest.mark.integration
def test_a_run_leaves_it_while_it_runs(tiny: Path) -> None:
    seen: list[tuple[Progress | None, Progress]] = []

    class Onlooker(View):
        def progress(self, cell: Cell, progress: Progress) -> None:
            (run,) = Ledger.of(tiny).history(cell.client)
            seen.append((progress_of(state_folder(tiny), cell.client, run.number), progress))

    (tiny / "conf/clients/alpha/parameters.yml").write_text("act: sleep\n")
    Fleet(tiny, [Cell("alpha", "act")], workers=1, max_failures=None, view=Onlooker()).run()
    left, told = next(pair for pair in seen if pair[1].node == "act" and pair[1].done == 1)
    assert left == told == Progress(1, 2, "act")
    assert list((state_folder(tiny) / "progress").iterdir()) == []
