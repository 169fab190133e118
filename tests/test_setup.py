"""The set-up is done once, and again when what it depends on changed; nothing in it names an index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    return tmp_path


def would_install(clone: Path) -> bool:
    done = subprocess.run(["make", "--dry-run", "setup"], cwd=clone, capture_output=True, text=True, check=True)
    return "pip install" in done.stdout


def test_a_new_clone_is_set_up_once(clone: Path) -> None:
    assert would_install(clone)
    (clone / ".venv/.installed").touch()
    assert not would_install(clone)


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_of_the_requirements_is_set_up_again(clone: Path, name: str) -> None:
    (clone / ".venv/.installed").touch()
    later = (clone / ".venv/.installed").stat().st_mtime + 1
    os.utime(clone / name, (later, later))
    assert would_install(clone)


def test_another_python_is_refused_in_one_sentence(clone: Path) -> None:
    other = clone / "python"
    other.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.0" || exit 1\n')
    other.chmod(0o755)
    done = subprocess.run(["make", "setup", f"PYTHON={other}"], cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "The workbench needs Python 3.11 and found Python 3.8.0; try: make setup PYTHON=" in done.stdout


def test_every_direct_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    for requirement in wanted:
        name = re.split(r"[\[<>=!~ ]", requirement)[0].lower()
        assert name in pinned, name


def test_nothing_names_an_index() -> None:
    files = ["constraints.txt", "pyproject.toml", "environment.yml", "Makefile", ".devcontainer/devcontainer.json"]
    for name in [*files, "Dockerfile", "deploy/docker/serving/Dockerfile"]:
        text = (ROOT / name).read_text().replace('${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"}', "")
        assert not re.search(r"index-url|/simple\b|pypi\.org|pythonhosted", text), name


@pytest.mark.xdist_group("one")
def test_tests_of_one_group_go_to_one_process(request: pytest.FixtureRequest) -> None:
    """xdist reads groups from the node id, and a pytest that keeps ids elsewhere loses them without a word."""
    if os.environ.get("PYTEST_XDIST_WORKER") and request.config.option.loadgroup:
        assert request.node.nodeid.endswith("@one")
