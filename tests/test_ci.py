"""What CI runs: everything; what needs npm or a browser where there is one, and a word where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def ci(tmp_path: Path) -> Path:
    """A folder with the script, and a PATH on which `make` says what it is asked for."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "env", "dirname"):
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    program(tmp_path, "make", 'echo "make $*"; [ ! -e fail ]')
    return tmp_path


def program(folder: Path, name: str, body: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / ".ci" / "run"], env={"PATH": str(folder / "bin")}, capture_output=True, text=True, check=False
    )


def test_without_a_browser_it_says_what_it_skipped(ci: Path) -> None:
    done = run(ci)
    assert done.returncode == 0
    assert done.stdout.splitlines()[:4] == ["make test", "make test-slow", "make test-airflow", "make test-spark"]
    assert "SKIPPED what is exported: no npm on the PATH" in done.stdout
    assert "make test-exports" not in done.stdout.splitlines()
    assert "SKIPPED the browser tests: no Chromium or Chrome on the PATH" in done.stdout
    assert "make test-browser" not in done.stdout.splitlines()


@pytest.mark.parametrize("browser", ["chromium", "google-chrome"])
def test_with_npm_and_a_browser_it_runs_everything(ci: Path, browser: str) -> None:
    program(ci, browser, "exit 1")
    program(ci, "npm", "exit 1")
    done = run(ci)
    assert done.stdout.splitlines() == [
        "make test",
        "make test-slow",
        "make test-airflow",
        "make test-spark",
        "make test-exports",
        f"Browser tests, with {browser}:",
        "make test-browser",
    ]


def test_a_failure_is_one(ci: Path) -> None:
    (ci / "fail").touch()
    done = run(ci)
    assert done.returncode != 0
    assert done.stdout == "make test\n"
