"""JupyterLab's command line and environment; that it opens with these settings is seen in tests/browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from jupyter_client.kernelspec import KernelSpecManager
from jupyterlab_server.settings_utils import get_settings

from workbench.cli.jupyter import jupyter
from workbench.kernels.process import ZygoteProcess
from workbench.notebook.lab import FIRST_PAGE, KERNEL, SETTINGS, arguments, environment, warm_up

ROOT = Path(__file__).parents[2]


def page(words: list[str]) -> str | None:
    return next((word.partition("=")[2] for word in words if word.startswith("--LabApp.default_url=")), None)


def test_it_opens_on_the_first_notebook_or_on_the_one_that_was_asked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "notebooks")
    assert page(arguments(project, [])) == FIRST_PAGE
    assert (project / FIRST_PAGE.removeprefix("/lab/tree/")).exists()
    (project / "notebooks/explore/an idea.ipynb").write_text("{}")
    asked = arguments(project, ["explore/an idea.ipynb", "--port", "9000"])
    assert page(asked) == "/lab/tree/notebooks/explore/an%20idea.ipynb"
    assert asked[-2:] == ["--port", "9000"]
    assert "explore/an idea.ipynb" not in asked, "Jupyter would take its folder for the whole project"
    assert page(arguments(project, ["explore"])) is None, "a folder is Jupyter's own matter"
    own = arguments(project, ["--LabApp.default_url=/lab"])
    assert own[-1] == "--LabApp.default_url=/lab", "what a person gives comes last, and wins"
    assert f"--MultiKernelManager.default_kernel_name={KERNEL}" in own


def test_the_environment_adds_and_takes_nothing_away(project: Path) -> None:
    made = environment(project, "clients/clinic", {"JUPYTER_PATH": "/mine", "X": "1"})
    assert made["JUPYTER_PATH"].endswith(":/mine")
    assert made["JUPYTER_CONFIG_PATH"] == str(project / SETTINGS)
    assert (made["X"], made["KEDRO_ENV"]) == ("1", "clients/clinic")
    assert "KEDRO_ENV" not in environment(project, None, {})


def within(some: Any, whole: Any, *, values: bool) -> bool:
    """Whether the other has all keys of the one, and, if asked, the same values."""
    if not isinstance(some, dict):
        return some == whole or not values
    return all(key in whole and within(value, whole[key], values=values) for key, value in some.items())


def test_jupyterlab_knows_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt key would be passed over without a word."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab.commands import get_app_dir
    from jupyterlab_server.config import get_page_config

    folder, extensions = Path(get_app_dir()), jupyter_path("labextensions")

    def defaults(plugin: str) -> dict[str, Any]:
        places = (str(folder / "settings"), str(folder / "schemas"), str(ROOT / "none"))
        found, warnings = get_settings(*places, plugin, labextensions_path=extensions)
        assert not any(warnings), plugin
        return {
            key: setting["default"] for key, setting in found["schema"]["properties"].items() if "default" in setting
        }

    ours = json.loads((ROOT / SETTINGS / "labconfig" / "default_setting_overrides.json").read_text())
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "none"))
    without = {plugin: defaults(plugin) for plugin in ours}
    assert within(ours, without, values=False), "JupyterLab knows no such setting"
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / SETTINGS))
    assert within(ours, {plugin: defaults(plugin) for plugin in ours}, values=True)
    disabled = get_page_config(extensions, str(folder / "settings"))["disabledExtensions"]
    assert "@jupyterlab/apputils-extension:announcements" in disabled


def test_the_warm_kernel_can_be_debugged() -> None:
    spec = KernelSpecManager(kernel_dirs=[str(ROOT / "src/workbench/kernels/share/jupyter/kernels")])
    assert spec.get_kernel_spec(KERNEL).metadata["debugger"] is True


def test_a_knock_has_the_zygote_import() -> None:
    zygote = ZygoteProcess(["json"])
    try:
        warm_up(zygote.address)
        warm_up(zygote.address)
        assert zygote._process.poll() is None, "a knock without a request ends it"
    finally:
        zygote.close()


def test_an_unknown_client_is_refused_before_a_server_starts(project: Path) -> None:
    done = CliRunner().invoke(
        jupyter, ["lab", "--env", "clients/clinik"], obj=SimpleNamespace(project_path=project, package_name="pipelines")
    )
    assert done.exit_code == 1
    assert "did you mean 'clinic'" in done.output


@pytest.mark.slow
def test_git_compares_notebooks_without_what_a_run_leaves(tmp_path: Path) -> None:
    """As after ``nbdime config-git --enable``: with the repository's own attributes and configuration."""
    for name in (".gitattributes", "nbdime_config.json"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    git = [
        "git",
        "-c",
        f"diff.jupyternotebook.command={Path(sys.executable).with_name('git-nbdiffdriver')} diff",
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
    ]

    def run(*words: str) -> str:
        environment = os.environ | {"PYTHONWARNINGS": "ignore"}
        return subprocess.run(
            [*git, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    notebook = json.loads((ROOT / "notebooks/explore/01_first_look.ipynb").read_text())
    path = tmp_path / "one.ipynb"
    path.write_text(json.dumps(notebook))
    run("init", "-q")
    run("add", ".")
    run("commit", "-qm", "one")
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "datasets")
    cell["execution_count"] = 7
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["seen"]}]
    cell["metadata"]["scrolled"] = True
    notebook["metadata"]["kernelspec"]["name"] = "python3"
    path.write_text(json.dumps(notebook))
    assert not [line for line in run("diff").splitlines() if "seen" in line or "python3" in line or "scrolled" in line]
    cell["source"] = ["another = 1"]
    path.write_text(json.dumps(notebook))
    assert "another = 1" in run("diff")
