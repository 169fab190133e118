"""The code cells of a notebook, parsed. A cell is never run, and what is not Python is told of rather than guessed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.notebook.shelf import RECIPE

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Cell", "code_cells"]


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes:
        number: its place among the code cells, from 1: the number in JupyterLab after Run All.
        source: its text; magics are blank lines.
        body: its statements; none if it is not Python.
        tagged: whether it is to be part of the recipe.
        above: the text of the markdown cell directly above it.
        foreign: line and text of what IPython alone understands.
    """

    number: int
    source: str
    body: tuple[ast.stmt, ...]
    tagged: bool
    above: str
    foreign: tuple[tuple[int, str], ...] = ()


def code_cells(notebook: NotebookNode) -> list[Cell]:
    """All of them, in order."""
    cells: list[Cell] = []
    above = ""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            source, body, foreign = _parsed(cell.source)
            tagged = RECIPE in cell.metadata.get("tags", ())
            cells.append(Cell(len(cells) + 1, source, tuple(body), tagged, above, tuple(foreign)))
        above = cell.source if cell.cell_type == "markdown" else ""
    return cells


def _parsed(source: str) -> tuple[str, list[ast.stmt], list[tuple[int, str]]]:
    tree = _tree(source)
    if tree is not None:
        return source, tree.body, []
    # Only in a cell that is not Python as it stands: in others, a line that begins with % is a remainder.
    lines = source.splitlines()
    if source.lstrip().startswith("%%"):
        return "", [], [(1, lines[0])]
    foreign = [(at, line.strip()) for at, line in enumerate(lines, 1) if line.lstrip().startswith(("%", "!", "?"))]
    for at, _ in foreign:
        lines[at - 1] = ""
    source = "\n".join(lines)
    tree = _tree(source)
    if tree is None:
        return "", [], [(_first_error(source), "not Python")]
    return source, tree.body, foreign


def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _first_error(source: str) -> int:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return error.lineno or 1
    except (ValueError, RecursionError):
        pass
    return 1
