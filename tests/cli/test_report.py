"""``kedro report``: the list of templates, and rendering one for several clients."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from kedro.framework.project import configure_project

from workbench.cli import report as module

ROOT = Path(__file__).parents[2]


@pytest.fixture
def invoke():
    configure_project("pipelines")

    def call(*arguments: str, project: Path = ROOT) -> Any:
        return CliRunner().invoke(module.report, arguments, obj=SimpleNamespace(project_path=project))

    return call


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces the process of each client; clinic's fails."""
    calls: list[str] = []

    def render(
        project: Path, client_id: str, template: str, node: str, parameters: dict[str, Any], *, quiet: bool
    ) -> dict[str, Any]:
        calls.append(f"{client_id}:{node}")
        ok = client_id != "clinic"
        return {
            "client": client_id,
            "template": template,
            "ok": ok,
            "path": "x.html",
            "error": "" if ok else "Error: y",
        }

    monkeypatch.setattr(module, "_render", render)
    return calls


def test_the_list_names_templates_titles_and_parameters(invoke) -> None:
    found = {one["name"]: one for one in json.loads(invoke("list", "--json").stdout)}
    assert found["model_card"]["title"] == "Model card"
    assert {"name": "top", "type": "int", "default": 15, "help": "how many columns the chart of importance shows"} in (
        found["model_card"]["parameters"]
    )
    assert "data_quality" in invoke("list").stdout


def test_one_failure_does_not_hide_the_others_and_shows_in_the_exit_code(invoke, rendered) -> None:
    done = invoke("run", "model_card", "--clients", "all")
    assert rendered == [f"{name}:render_model_card" for name in ("clinic", "skyways", "tradewinds")]
    assert done.exit_code == 1
    assert "✗ clinic: Error: y" in done.output
    assert "✓ skyways: x.html" in done.output
    rendered.clear()
    done = invoke("run", "model_card", "--clients", " skyways, tradewinds", "--json")
    assert done.exit_code == 0
    assert [one["client"] for one in json.loads(done.stdout)] == ["skyways", "tradewinds"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["model_cart"], "did you mean 'model_card'"),
        (["../explore/01_first_look"], "does not exist"),
        (["model_card", "--clients", "skyways,clinik"], "did you mean 'clinic'"),
        (["model_card", "--clients", "../x"], "is not a client id"),
        (["model_card", "--clients", ","], "no client was named"),
    ],
)
def test_a_wrong_name_starts_nothing(invoke, rendered, arguments, sentence) -> None:
    done = invoke("run", *arguments)
    assert done.exit_code == 1
    assert sentence in done.output
    assert rendered == []


def test_a_template_without_a_node_says_where_to_add_one(invoke, rendered, project) -> None:
    folder = project / "notebooks" / "reports"
    (folder / "weekly.ipynb").write_bytes((folder / "model_card.ipynb").read_bytes())
    done = invoke("run", "weekly", project=project)
    assert done.exit_code == 1
    assert "has no node 'render_weekly'" in done.output
    assert rendered == []


@pytest.mark.integration
def test_a_failed_report_leaves_the_last_good_one(clinic_copy, kedro) -> None:
    reporting = clinic_copy / "data" / "clinic" / "08_reporting"
    before = (reporting / "data_quality.html").read_bytes()
    (reporting / "ingest.json").write_text('{"client": "clinic", "tables": {"samples": {}}}')
    done = kedro(clinic_copy, "report", "run", "data_quality", "--clients", "clinic", check=False)
    assert done.returncode == 1
    assert done.stderr, "what went wrong is shown in full"
    assert "✗ clinic: Error: report data_quality: cell " in done.stdout
    assert (reporting / "data_quality.html").read_bytes() == before
    assert (reporting / ".failed" / "data_quality.ipynb").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("tpo=3", "unknown parameter 'tpo' (tried: client, inputs, top). Next: did you mean 'top'?"),
        ("top=many", "parameter 'top' must be int, not 'many'"),
        ("top", "'top' is not name=value"),
        ("client=skyways", "parameter 'client' is filled in by the report itself"),
        ("top=__import__('os')", "must be int"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(invoke, rendered, given: str, said: str) -> None:
    done = invoke("run", "model_card", "-p", given)
    assert done.exit_code == 1
    assert said in done.output
    assert rendered == []


def test_a_parameter_reaches_the_notebook(clinic_copy: Path, kedro) -> None:
    kedro(clinic_copy, "report", "run", "model_card", "--clients", "clinic", "-p", "top=3")
    page = (clinic_copy / "data/clinic/08_reporting/model_card.html").read_text()
    (shown,) = re.findall(r'alt="Loss of [^:]* when shuffled: ([^"]*)"', page)
    assert shown.count(",") == 2, "the chart names three columns"
