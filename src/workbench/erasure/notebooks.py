"""Outputs of notebooks: a person's look at a client's rows, kept in the file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.errors import ConfigurationError
from workbench.files import write_text
from workbench.notebook.documents import EXPLORE, client_of, read

__all__ = ["checkpoints", "clear", "opened_by", "with_outputs"]


def with_outputs(project: Path, client: str) -> list[Path]:
    """The exploration notebooks that show something and open this client, or lie in the folder of its name."""
    found = []
    for path in _notebooks(project / EXPLORE):
        try:
            notebook = read(path)
        except ConfigurationError:
            continue  # the search for what is left reads it as text
        is_own = client in path.relative_to(project / EXPLORE).parts[:-1] or client_of(notebook) == client
        if is_own and any(cell.get("outputs") for cell in notebook.cells):
            found.append(path)
    return found


def opened_by(path: Path) -> str | None:
    """The client that a notebook opens; None if it opens none, or cannot be read."""
    try:
        return client_of(read(path))
    except ConfigurationError:
        return None


def checkpoints(project: Path, client: str) -> list[Path]:
    """Jupyter's own copies of such notebooks, outputs and all: one that cannot be attributed goes, too."""
    root = project / EXPLORE
    folders = [path for path in root.rglob(".ipynb_checkpoints") if path.is_dir()]
    copies = [copy for folder in folders for copy in folder.glob("*.ipynb")]
    return sorted(copy for copy in copies if _is_of(copy, client))


def clear(paths: Iterable[Path]) -> None:
    """Remove all outputs of notebooks; their cells stay."""
    from workbench.nbformat import nbformat

    for path in paths:
        notebook = read(path)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        write_text(path, nbformat.writes(notebook) + "\n")  # type: ignore[no-untyped-call]


def _notebooks(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".ipynb"))


def _is_of(copy: Path, client: str) -> bool:
    try:
        found = client_of(read(copy))
    except ConfigurationError:
        return True
    return found in {client, None} or client in copy.parts
