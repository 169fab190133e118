"""What is said of a report that failed holds no secret, wherever the secret came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

import workbench.reports.execute as executing
from workbench.errors import KernelLost, ReportError, StorageError
from workbench.reports import Limits, find_template
from workbench.reports.failure import write_failure
from workbench.secrets.redaction import Secrets

CANARY = "canary-7731-hunter2"
SECRETS = Secrets({"ACME__PASSWORD": CANARY})


def execute(project: Path, folder: Path) -> None:
    """Let the template ``page`` run, ten seconds at most."""
    partial = folder / "partial.ipynb"
    executing.execute(
        find_template(project, "page"), {}, folder=folder, partial=partial, limits=Limits(10), secrets=SECRETS
    )


def test_neither_the_operators_page(bare: Path, template: Callable[..., Path], tmp_path: Path) -> None:
    """The error's own words, and what a partial notebook of before says."""
    template("page", "# Page")
    error = ReportError(f"cannot log in with {CANARY}", where=f"postgresql://acme:{CANARY}@db", hint=f"try {CANARY}")
    target = tmp_path / "page.html"
    found = find_template(bare, "page")
    write_failure(target, error, template=found, client_id="acme", good=tmp_path / "good.html", secrets=SECRETS)
    page = target.read_text()
    assert "cannot log in with" in page
    assert CANARY not in page


def test_nor_the_error_of_a_kernel_that_was_lost(
    bare: Path, template: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template("page", "# Page")
    monkeypatch.setattr(executing, "_run", lambda *_: (RuntimeError(f"no route to acme:{CANARY}@db"), False))
    with pytest.raises(KernelLost, match="no route to acme:") as caught:
        execute(bare, tmp_path)
    assert CANARY not in str(caught.value)


def test_a_notebook_that_cannot_be_kept_hides_nothing(
    bare: Path, template: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = template("page", "# Page", nbformat.v4.new_code_cell("1 / 0"))

    def run(*_: object) -> tuple[None, bool]:
        notebook = nbformat.read(path, as_version=4)
        error = nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])
        notebook.cells[-1].update(execution_count=1, outputs=[error])
        nbformat.write(notebook, tmp_path / "executed.ipynb")
        return None, False

    def refused(*_: object) -> None:
        raise StorageError("the disk is full", where="the partial notebook")

    monkeypatch.setattr(executing, "_run", run)
    monkeypatch.setattr(executing, "write_text", refused)
    with pytest.raises(ReportError, match=r"ZeroDivisionError.*Next: open .*notebooks/reports/page\.ipynb"):
        execute(bare, tmp_path)


def test_a_kernel_whose_time_ran_out_is_not_one_that_was_lost(
    bare: Path, template: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That one would be tried again, each time for as long."""
    template("page", "# Page")
    monkeypatch.setattr(executing, "_run", lambda *_: (RuntimeError("Kernel died"), True))
    with pytest.raises(ReportError, match="took longer than 10 s"):
        execute(bare, tmp_path)
