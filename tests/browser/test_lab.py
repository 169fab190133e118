"""JupyterLab as a person meets it: it opens without a complaint, and a notebook runs to its end on the warm kernel."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-this-test"
FIRST = "notebooks/explore/01_first_look.ipynb"


@dataclass(frozen=True)
class Lab:
    """A server that runs."""

    address: str
    process: psutil.Process

    def ask(self, path: str) -> Any:
        request = urllib.request.Request(f"{self.address}/{path}", headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def page(self, notebook: str) -> str:
        """Its address; what another test had open is not opened again."""
        return f"{self.address}/lab/tree/{notebook}?reset&token={TOKEN}"


@pytest.fixture(scope="module")
def lab(serve: Callable[..., psutil.Process], port: Callable[[], int]) -> Lab:
    at = port()
    root = ["--allow-root"] if os.geteuid() == 0 else []
    words = ("jupyter", "lab", "--no-browser", f"--port={at}", "--ServerApp.port_retries=0", *root)
    address = f"http://127.0.0.1:{at}"
    return Lab(address, serve(*words, f"--IdentityProvider.token={TOKEN}", answers=f"{address}/api"))


def ready(page: Page) -> None:
    """The notebook is there, and its kernel has nothing to do; before, JupyterLab drops what it is to run."""
    page.get_by_text("Workbench (warm) | Idle").wait_for(timeout=60_000)


def run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def executed(page: Page, path: Path) -> list[dict[str, Any]]:
    """The code cells of the notebook, saved when the last one has run; what is out of sight is not on the page."""
    for _ in range(120):
        page.wait_for_timeout(500)
        page.keyboard.press("Control+s")
        text = path.read_text()
        if not text.rstrip().endswith("}"):
            continue  # Jupyter keeps the old text beside the file and writes the new one into it: it is at it
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        if cells[-1]["execution_count"] or any(errors(cell) for cell in cells):
            return cells
    pytest.fail(f"{path.name} has not ended")


def errors(cell: dict[str, Any]) -> list[Any]:
    """What of a cell's outputs is an error, or was written to standard error."""
    return [one for one in cell["outputs"] if one["output_type"] == "error" or one.get("name") == "stderr"]


@pytest.mark.parametrize("name", ["01_first_look", "02_model_errors"])
def test_a_notebook_runs_to_its_end(
    lab: Lab, open_page: Callable[..., Any], photograph: Callable[[Page, str], None], shown: Path, name: str
) -> None:
    path = f"notebooks/explore/{name}.ipynb"
    seen = open_page(lab.page(path))
    page = seen.page
    ready(page)
    run_all(page)
    cells = executed(page, shown / path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [error for cell in cells for error in errors(cell)]
    picture = page.locator(".jp-OutputArea-output img")
    picture.last.scroll_into_view_if_needed()
    assert picture.last.is_visible()
    assert picture.last.evaluate("image => image.complete && image.naturalWidth") > 300
    photograph(page, f"jupyterlab_{name}")
    assert seen.errors == []
    assert seen.foreign() == [], "JupyterLab talks to somebody"
    (session,) = [one for one in lab.ask("api/sessions") if one["path"] == path]
    assert session["kernel"]["name"] == "workbench_warm"
    family = lab.process.children(recursive=True)
    assert [one for one in family if "workbench.kernels.zygote" in " ".join(one.cmdline())], "no kernel is warm"


def test_it_is_set_up_as_a_person_wants_it(lab: Lab, open_page: Callable[..., Any], home: Path) -> None:
    seen = open_page(lab.page(FIRST))
    page = seen.page
    ready(page)
    page.wait_for_timeout(1500)  # what JupyterLab has to say, it says by now
    assert page.locator(".Toastify__toast").count() == 0, "it nags"
    assert page.locator(".jp-CodeCell .cm-lineNumbers").first.is_visible()
    assert page.locator(".jp-DebuggerBugButton").first.get_attribute("aria-disabled") != "true"
    assert page.get_by_role("tab", name="Table of Contents").count() == 1
    assert page.get_by_role("button", name="Format notebook").is_enabled()
    assert page.locator(".nbdime-toolbarButton").count() == 2, "against the checkpoint, and against git"
    written = sorted(path.relative_to(home).as_posix() for path in home.rglob("kernel.json"))
    assert written == [], "a kernel was installed into the person's home"
    assert seen.errors == []


def test_a_cell_is_formatted_with_ruff(lab: Lab, open_page: Callable[..., Any], shown: Path) -> None:
    path = shown / "notebooks" / "explore" / "untidy.ipynb"
    notebook = json.loads((shown / FIRST).read_text())
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][:1]
    notebook["cells"][0]["source"] = ["x = { 'a':1,\n'b':2 }"]
    path.write_text(json.dumps(notebook))
    page = open_page(lab.page(path.relative_to(shown).as_posix())).page
    ready(page)
    page.get_by_role("button", name="Format notebook").click()
    page.wait_for_function(
        """() => document.querySelector('.jp-CodeCell .cm-content').innerText.includes('{"a": 1, "b": 2}')"""
    )
