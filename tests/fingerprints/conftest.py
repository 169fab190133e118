"""A package of source files, and where its pieces lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.fingerprints.code import Code, Sources

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a project: ``write(**{"src/shop/nodes.py": "…"})``."""

    def files(**texts: str) -> None:
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # A new inode, as a durable write or an editor makes it.
            path.unlink(missing_ok=True)
            path.write_text(text)

    return files


@pytest.fixture
def code_of(tmp_path: Path) -> Callable[..., Code]:
    """The code behind a module of the package ``shop``, read anew."""

    def find(module: str = "shop.nodes", files: tuple[str, ...] = (), **options: tuple[str, ...]) -> Code:
        def function() -> None:
            """Stands for a node's function."""

        function.__module__, function.__reads__ = module, files  # type: ignore[attr-defined]
        return Sources(tmp_path, {"shop": tmp_path / "src" / "shop"}, **options).code_of(function)

    return find
