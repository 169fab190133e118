"""``kedro notebook list``: which templates there are, and which exploration notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError
from workbench.notebook.create import template_names
from workbench.notebook.documents import EXPLORE, TEMPLATES, client_of, read, title_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["RECIPE", "notebooks", "templates"]

RECIPE = "recipe"
"""The tag of cells that `kedro notebook promote` turns into a recipe."""


def templates(project: Path) -> list[dict[str, Any]]:
    """Name and title of each template."""
    return [
        {"name": name, "title": title_of(read(project / TEMPLATES / f"{name}.ipynb"))}
        for name in template_names(project)
    ]


def notebooks(project: Path) -> list[dict[str, Any]]:
    """Path, client, title and number of tagged cells of each exploration notebook; what is wrong with one that is."""
    root = project / EXPLORE
    return [
        _row(project, path)
        for path in sorted(root.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]


def _row(project: Path, path: Path) -> dict[str, Any]:
    shown = path.relative_to(project).as_posix()
    # One broken notebook must not hide the others.
    try:
        notebook = read(path)
    except ConfigurationError as error:
        return {"path": shown, "error": str(error)}
    tagged = _tagged(notebook)
    return {"path": shown, "client": client_of(notebook), "title": title_of(notebook), "recipe_cells": tagged}


def _tagged(notebook: NotebookNode) -> int:
    return sum(RECIPE in cell.metadata.get("tags", ()) for cell in notebook.cells if cell.cell_type == "code")
