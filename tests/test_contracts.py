"""The layers hold, and the guard that says so works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]

PLANTED = {
    "workbench imports pipelines": ("src/workbench/files.py", "import pipelines", "The arrows point one way"),
    "learning imports kedro": (
        "src/workbench/learning/__init__.py",
        "import kedro",
        "learning runs on a bare GPU machine",
    ),
    "secrets imports the registry": ("src/workbench/secrets/place.py", "import workbench.registry", "The arrows"),
    "clients imports the registry": ("src/workbench/clients/model.py", "import workbench.registry", "The arrows"),
}


@pytest.mark.parametrize(("module", "line", "contract"), PLANTED.values(), ids=PLANTED.keys())
def test_a_forbidden_import_is_caught(tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as stream:
        stream.write(f"\n{line}\n")
    done = subprocess.run(
        LINT, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tmp_path / "src")}
    )
    assert done.returncode == 1, done.stdout
    assert any(contract in text and "BROKEN" in text for text in done.stdout.splitlines()), done.stdout
