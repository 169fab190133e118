"""ruff, as the project sets it up, on text that is not a file yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["tidy"]


def tidy(project: Path, path: Path, text: str) -> tuple[str, list[str]]:
    """The text as ruff would leave it, and what it still finds fault with.

    Args:
        project: whose settings hold.
        path: where the text will lie, relative to the project: settings differ by folder.
        text: Python.

    Returns:
        The text as it was, and a remark, where ruff is not installed.
    """
    fixed = _ruff(project, ["check", "--fix-only", "--quiet", "--stdin-filename", str(path), "-"], text)
    if fixed is None:
        return text, ["ruff is not installed; `pip install -e '.[dev]'`, then `ruff format` it"]
    formatted = _ruff(project, ["format", "--quiet", "--stdin-filename", str(path), "-"], fixed) or fixed
    found = _ruff(
        project, ["check", "--quiet", "--output-format", "json", "--stdin-filename", str(path), "-"], formatted
    )
    faults = json.loads(found or "[]")
    return formatted, [f"line {fault['location']['row']}: {fault['message']} ({fault['code']})" for fault in faults]


def _ruff(project: Path, arguments: list[str], text: str) -> str | None:
    """Its standard output; None if there is no ruff."""
    program = shutil.which("ruff", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if program is None:
        return None
    done = subprocess.run([program, *arguments], cwd=project, input=text, capture_output=True, text=True, check=False)
    return done.stdout
