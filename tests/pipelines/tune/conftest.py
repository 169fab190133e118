from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.datasets import ClientFiles


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """``tests/learning/language/tiny.py``."""
    path = Path(__file__).parents[2] / "learning" / "language" / "tiny.py"
    spec = importlib.util.spec_from_file_location("tiny", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path: Path) -> ClientFiles:
    """A project with the clients ``acme`` and ``other``, as ``acme`` sees it."""
    for client in ("acme", "other"):
        folder = tmp_path / "conf" / "clients" / client
        folder.mkdir(parents=True)
        (folder / "client.yml").write_text(f"id: {client}\n")
    return ClientFiles("acme", tmp_path)


@pytest.fixture(scope="session")
def write() -> Any:
    """Writes rows to a JSONL file; a text is written as it is."""

    def write(path: Path, rows: list[Any]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write
