"""The notebooks that may be rendered: those that lie in ``notebooks/reports``, and no others.

A template is looked up in the folder's listing; a name is never joined to a path before it was found there, so
``../x``, an absolute path or a link cannot lead out of the project.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, ReportError, did_you_mean
from workbench.reports.parameters import Parameter, declared_parameters

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["FOLDER", "Template", "find_template", "read_notebook", "template_names"]

FOLDER = Path("notebooks", "reports")
"""Where templates lie, relative to the project."""


@dataclass(frozen=True)
class Template:
    """One template notebook.

    Attributes:
        name: an identifier; the file's name without ``.ipynb``.
        path: the file.
        title: its first heading.
        parameters: what its cell tagged ``parameters`` declares, by name.
    """

    name: str
    path: Path
    title: str
    parameters: Mapping[str, Parameter]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "parameters": [parameter.to_dict() for parameter in self.parameters.values()],
        }


def template_names(project: Path) -> list[str]:
    """The names of a project's templates, sorted. A link, or a name that is no identifier, is not a template."""
    folder = project / FOLDER
    if not folder.is_dir() or not folder.resolve().is_relative_to(project.resolve()):
        return []
    with os.scandir(folder) as entries:
        return sorted(
            name
            for entry in entries
            if entry.name.endswith(".ipynb")
            and (name := entry.name.removesuffix(".ipynb")).isidentifier()
            and entry.is_file(follow_symlinks=False)
        )


def find_template(project: Path, name: str) -> Template:
    """Read a template.

    Raises:
        ConfigurationError: the project has no such template.
        ReportError: it is not a notebook, has no heading, or its parameters are not declared as they must be.
    """
    known = template_names(project)
    if name not in known:
        raise ConfigurationError(
            f"report template {name[:60]!r} does not exist",
            tried=f"{FOLDER.as_posix()}: {', '.join(known) or 'no template there'}",
            hint=did_you_mean(name, known, "run `kedro report list`"),
        )
    path = project / FOLDER / f"{name}.ipynb"
    notebook = read_notebook(path)
    return Template(name, path, _title(notebook, path), declared_parameters(notebook, path))


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook, upgraded to the current format.

    Raises:
        ReportError: it cannot be read as one.
    """
    from workbench.nbformat import nbformat

    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return]
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise ReportError(f"is not a notebook ({reason})", where=str(path)) from error


def _title(notebook: NotebookNode, path: Path) -> str:
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("# "):
            heading: str = cell.source.splitlines()[0]
            return heading.removeprefix("# ").strip()
    raise ReportError("has no heading", where=str(path), hint="begin a markdown cell with `# Title of the report`")
