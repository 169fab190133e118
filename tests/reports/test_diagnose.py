"""What went wrong is told from the notebook itself, not from what papermill says about it."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from workbench.reports.diagnose import diagnose, warnings_of


def cell(source: str = "1", *, ran: bool = True, outputs: list[Any] | None = None, **papermill: Any) -> Any:
    state = (
        {"status": "completed", "exception": False, "start_time": "t", "end_time": "t"}
        if ran
        else {"status": "completed"}
    )
    made = nbformat.v4.new_code_cell(source, outputs=outputs or [], metadata={"papermill": state | papermill})
    made.execution_count = 1 if ran else None
    return made


def notebook(*cells: Any) -> Any:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A\n\n## B"), *cells])


def test_a_notebook_whose_cells_all_ran_is_whole() -> None:
    assert diagnose(notebook(cell(), cell(" \n"), cell("")), None, None) is None
    assert diagnose(notebook(cell(), nbformat.v4.new_code_cell("")), None, None) is None, (
        "an empty cell has nothing to run"
    )


@pytest.mark.parametrize(
    "unfinished",
    [
        {"ran": False},
        {"status": "pending"},
        {"status": "failed"},
        {"exception": True},
        {"end_time": None},
    ],
)
def test_a_cell_that_did_not_run_to_its_end_is_found(unfinished) -> None:
    """The state in which papermill 2.7 leaves the cells after the one that lost its kernel is the first."""
    assert diagnose(notebook(cell(), cell(**unfinished)), None, None) == "cell 3 (B) did not run to its end"


def test_a_cell_without_an_execution_count_did_not_run() -> None:
    lost = cell()
    lost.execution_count = None
    assert diagnose(notebook(lost), None, None) == "cell 2 (B) did not run to its end"


def test_an_exception_is_one_bounded_line_with_its_place() -> None:
    traceback = ["\x1b[0;31mKeyError\x1b[0m", "Cell \x1b[0;32mIn[3], line 4\x1b[0m\n 1 a"]
    error = nbformat.v4.new_output("error", ename="KeyError", evalue="'x'\n" + "y " * 500, traceback=traceback)
    told = diagnose(notebook(cell(), cell(outputs=[error])), RuntimeError("ignored"), None)
    assert told.startswith("cell 3 (B), line 4: KeyError: 'x' y y")
    assert len(told) < 350
    assert "\n" not in told


def test_cells_that_papermill_adds_are_not_counted() -> None:
    added = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["injected-parameters"]})
    marker = nbformat.v4.new_markdown_cell("# error", metadata={"tags": ["papermill-error-cell-tag"]})
    error = nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])
    assert diagnose(notebook(added, marker, cell(outputs=[error])), None, None) == "cell 2 (B): E: v"


def test_a_lost_kernel_and_a_time_out_name_the_cell_that_was_running() -> None:
    lost = notebook(cell(), cell(), cell(ran=False))
    assert diagnose(lost, RuntimeError("Kernel died"), None) == "the kernel was lost at cell 3 (B) (Kernel died)"
    assert diagnose(lost, RuntimeError("x"), 2.5) == "took longer than 2.5 s and was stopped at cell 3 (B)"
    assert (
        diagnose(notebook(cell(ran=False)), TimeoutError(), None) == "the kernel was lost at its start (TimeoutError)"
    )
    assert diagnose(None, RuntimeError("no port"), None) == "the kernel was lost (no port)"


def test_standard_error_is_for_the_log() -> None:
    stream = nbformat.v4.new_output
    outputs = [stream("stream", name="stderr", text="a\n warning"), stream("stream", name="stdout", text="x")]
    assert warnings_of(notebook(cell(outputs=outputs))) == ["cell 2 (B): a warning"]
