"""Notebooks from templates: for whom, where, and never over another. That they run is seen in tests/notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from click.testing import CliRunner, Result

from workbench.cli.notebook import notebook
from workbench.errors import ConfigurationError, UnknownClient
from workbench.notebook.create import create, plan, template_names
from workbench.notebook.documents import read, write_new
from workbench.notebook.shelf import notebooks

TEMPLATES = ["errors", "explore", "features", "sql"]


def sources(path: Path) -> str:
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_is_the_clients_own(project: Path, template: str) -> None:
    made = plan(project, template, "skyways")
    create(project, made)
    path = project / "notebooks" / "explore" / "skyways" / f"{template}.ipynb"
    assert (project / made.path) == path
    nbformat.validate(nbformat.read(path, as_version=4))
    text = sources(path)
    assert text.startswith("# Skyways: ")
    assert "%client skyways" in text
    assert "clinic" not in text, "something in it is still another client's"
    assert "mean_area" not in text


def test_features_start_from_the_clients_recipe(project: Path) -> None:
    settings = project / "conf" / "clients" / "clinic" / "client.yml"
    assert "recipes import clinic as base" in plan(project, "features", "clinic").text
    settings.write_text(settings.read_text().replace("recipe: clinic", "recipe: auto"))
    text = plan(project, "features", "clinic").text
    assert "recipes import auto as base" in text
    assert "base.features" not in text, "what auto makes of a table depends on its rows"


def test_nothing_is_written_over(project: Path) -> None:
    first = plan(project, "explore", "clinic")
    again = plan(project, "explore", "clinic")
    create(project, first)
    path = project / first.path
    path.write_text("a person's work")
    with pytest.raises(ConfigurationError, match="there is a notebook of that name"):
        create(project, again)
    assert path.read_text() == "a person's work"
    assert [name.name for name in path.parent.iterdir()] == ["explore.ipynb"], "a half-written file is left"
    assert plan(project, "explore", "clinic").path.name == "explore_2.ipynb"
    with pytest.raises(ConfigurationError, match="of that name"):
        plan(project, "sql", "clinic", "explore")
    with pytest.raises(FileExistsError):
        write_new(path, "")


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a b", "A", "", "1st", "x.ipynb", "a-b", "é"])
def test_a_name_is_a_slug(project: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a name"):
        plan(project, "explore", "clinic", name)


def test_a_client_is_registered_and_a_template_known(project: Path) -> None:
    for client in ("clinik", "../clinic", ""):
        with pytest.raises(UnknownClient):
            plan(project, "explore", client)
    with pytest.raises(ConfigurationError, match="did you mean 'explore'"):
        plan(project, "explor", "clinic")
    for name in ("../explore/01_first_look", "", "explore.ipynb"):
        with pytest.raises(ConfigurationError, match="does not exist"):
            plan(project, name, "clinic")
    assert plan(project, "explore").client == "clinic", "the first of the registry"


def test_a_link_leads_nowhere(project: Path, tmp_path: Path) -> None:
    (project / "notebooks" / "templates" / "linked.ipynb").symlink_to(project / "notebooks/explore/01_first_look.ipynb")
    assert template_names(project) == TEMPLATES
    outside = tmp_path / "outside"
    outside.mkdir()
    (project / "notebooks" / "explore" / "clinic").symlink_to(outside)
    with pytest.raises(ConfigurationError, match="outside of the project"):
        plan(project, "explore", "clinic")


def test_a_broken_notebook_does_not_hide_the_others(project: Path) -> None:
    (project / "notebooks" / "explore" / "broken.ipynb").write_text("{")
    rows = {Path(row["path"]).stem: row for row in notebooks(project)}
    assert "is not a notebook" in rows["broken"]["error"]
    assert rows["01_first_look"] == {
        "path": "notebooks/explore/01_first_look.ipynb",
        "client": "clinic",
        "title": "A first look at a client",
        "recipe_cells": 0,
    }


def kedro_notebook(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(notebook, arguments, obj=SimpleNamespace(project_path=project))


def test_commands(project: Path) -> None:
    dry = kedro_notebook(project, "new", "sql", "--client", "tradewinds", "--name", "orders", "--dry-run", "--json")
    made = {"template": "sql", "client": "tradewinds", "path": "notebooks/explore/tradewinds/orders.ipynb"}
    assert json.loads(dry.output) == made | {"written": False}
    assert not (project / made["path"]).exists()
    done = kedro_notebook(project, "new", "sql", "--client", "tradewinds", "--name", "orders")
    assert done.exit_code == 0
    assert "kedro jupyter lab notebooks/explore/tradewinds/orders.ipynb" in done.output
    listed = json.loads(kedro_notebook(project, "list", "--json").output)
    assert [row["name"] for row in listed["templates"]] == TEMPLATES
    assert made["path"] in {row["path"] for row in listed["notebooks"]}
    assert "orders.ipynb" in kedro_notebook(project, "list").output
    refused = kedro_notebook(project, "new", "sql", "--client", "tradewinds", "--name", "orders")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: notebooks/explore/tradewinds/orders.ipynb: there is a notebook")


def test_templates_are_kept_without_outputs(project: Path) -> None:
    for path in project.glob("notebooks/*/*.ipynb"):
        for cell in read(path).cells:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path
