"""A project with nothing but templates, and notebooks to put into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from workbench.clients import Client

PARAMETERS = 'client: str = "nobody"  # whose report\ninputs: str = ""  # folder\ntop: int = 3  # how many'


@pytest.fixture
def acme() -> Client:
    return Client.model_validate(
        {
            "id": "acme",
            "title": "Acme <b>& Söhne</b> {0.__class__} {{ 7*7 }}",
            "owner": "someone@acme.example",
            "sources": {"orders": {"kind": "csv", "path": "orders.csv"}},
            "key": ["id"],
            "target": "late",
            "task": "binary",
            "metric": {"name": "roc_auc"},
        }
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A project whose path would break ``str.format``."""
    project = tmp_path / "pro{je}ct {0.__class__}"
    (project / "notebooks" / "reports").mkdir(parents=True)
    return project


@pytest.fixture
def template(bare: Path) -> Callable[..., Path]:
    """Writes a template into the project: ``template("name", "# Title", code("1/0"))``; text is Markdown."""

    def write(name: str, *cells: object, parameters: str = PARAMETERS) -> Path:
        first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        made = [cell if isinstance(cell, dict) else nbformat.v4.new_markdown_cell(str(cell)) for cell in cells]
        notebook = nbformat.v4.new_notebook(cells=[*made[:1], first, *made[1:]])
        notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
        path = bare / "notebooks" / "reports" / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture
def code() -> Callable[[str], dict]:
    return nbformat.v4.new_code_cell
