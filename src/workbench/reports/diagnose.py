"""Whether an executed notebook is whole, and if not, which cell failed and how, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["diagnose", "has_begun", "warnings_of"]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CELL_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
_ADDED_BY_PAPERMILL = {"injected-parameters", "papermill-error-cell-tag"}
_LONGEST = 300


def diagnose(
    notebook: NotebookNode | None,
    cause: Exception | None,
    timeout_seconds: float | None,
    cell_seconds: float | None = None,
) -> str | None:
    """What went wrong, or None if every cell ran to its end.

    Args:
        notebook: as papermill saved it; None if it never came so far.
        cause: the exception that ended the run.
        timeout_seconds: the limit, if it was reached.
        cell_seconds: the limit of one cell.
    """
    at = f" at {_last_started(notebook)}" if notebook else ""
    if timeout_seconds is not None:
        return f"took longer than {timeout_seconds:g} s and was stopped{at}"
    if type(cause).__name__ == "CellTimeoutError":  # nbclient's; not worth its import
        return f"one cell took longer than {cell_seconds or 0:g} s and was stopped{at}"
    failed = _failed_cell(notebook) if notebook else None
    if failed:
        return failed
    if cause is not None:
        return f"the kernel was lost{at} ({_one_line(str(cause) or type(cause).__name__)})"
    return _unfinished_cell(notebook) if notebook else None


def has_begun(notebook: NotebookNode) -> bool:
    """Whether a cell was started that came to anything."""
    return any(cell.execution_count is not None or cell.outputs for _, cell in _code_cells(notebook))


def warnings_of(notebook: NotebookNode) -> list[str]:
    """What the cells wrote to standard error: for the log, not for the reader of the report."""
    return [
        f"{name}: {_one_line(output.text)}"
        for name, cell in _code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]


def _failed_cell(notebook: NotebookNode) -> str | None:
    for name, cell in _code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                at = _CELL_LINE.search(_ANSI.sub("", "\n".join(output.traceback)))
                line = f", line {at[1]}" if at else ""
                return f"{name}{line}: {_one_line(f'{output.ename}: {output.evalue}')}"
    return None


def _unfinished_cell(notebook: NotebookNode) -> str | None:
    for name, cell in _code_cells(notebook):
        run = cell.metadata.get("papermill", {})
        finished = run.get("status") == "completed" and run.get("exception") is False and run.get("end_time")
        if not finished or cell.execution_count is None:
            return f"{name} did not run to its end"
    return None


def _last_started(notebook: NotebookNode) -> str:
    started = [name for name, cell in _code_cells(notebook) if cell.metadata.get("papermill", {}).get("start_time")]
    return started[-1] if started else "its start"


def _code_cells(notebook: NotebookNode) -> Iterator[tuple[str, Any]]:
    """Each code cell with its name: its number among all cells of the template, and the heading above it."""
    heading = ""
    number = 0
    for cell in notebook.cells:
        if _ADDED_BY_PAPERMILL.intersection(cell.metadata.get("tags", [])):
            continue
        number += 1
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ (.+)$", cell.source, flags=re.MULTILINE)
            heading = headings[-1] if headings else heading
        elif cell.cell_type == "code" and cell.source.strip():
            yield f"cell {number}" + (f" ({heading})" if heading else ""), cell


def _one_line(text: str) -> str:
    line = " ".join(_ANSI.sub("", text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
