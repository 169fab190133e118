"""Notebooks as files: read as a whole, written once, never over another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ConfigurationError
from workbench.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["EXPLORE", "TEMPLATES", "client_of", "inside", "read", "title_of", "write_new"]

EXPLORE = Path("notebooks", "explore")
"""Where people's notebooks lie, relative to the project; those of a client in a folder of its name."""
TEMPLATES = Path("notebooks", "templates")
"""Where `kedro notebook new` takes them from."""

LARGEST = 50_000_000
"""Bytes; a notebook without outputs has some thousand, and one with a map of the world some million."""


def read(path: Path) -> NotebookNode:
    """Read a notebook, upgraded to the current format.

    Raises:
        ConfigurationError: there is none, or it cannot be read as one.
    """
    from workbench.nbformat import nbformat

    if not path.is_file():
        raise ConfigurationError("there is no such notebook", where=str(path), hint="`kedro notebook list` names them")
    if path.stat().st_size > LARGEST:
        raise ConfigurationError(f"is larger than {LARGEST:,} bytes", where=str(path), hint="clear its outputs")
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return]
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise ConfigurationError(f"is not a notebook ({reason})", where=str(path)) from error


def title_of(notebook: NotebookNode) -> str:
    """Its first heading, or nothing."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            heading: str = cell.source.splitlines()[0]
            return heading.removeprefix("# ").strip()
    return ""


def client_of(notebook: NotebookNode) -> str | None:
    """The client that it opens last with `%client <client>`, or None."""
    found = None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for line in cell.source.splitlines():
                words = line.split()
                if words[:1] == ["%client"] and len(words) == 2:
                    found = words[1]
    return found


def inside(project: Path, path: Path) -> Path:
    """The path, if links and `..` do not lead out of the project.

    Raises:
        ConfigurationError: they do.
    """
    if not path.resolve().is_relative_to(project.resolve()):
        raise ConfigurationError(f"{path} lies outside of the project", where=str(project))
    return path


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, durably.

    Raises:
        FileExistsError: it is there, also if that has happened a moment ago.
    """
    staging = path.with_name(f".{path.name}.new")
    write_text(staging, text)
    try:
        os.link(staging, path)  # only where there is nothing; a rename would replace
    finally:
        staging.unlink()
