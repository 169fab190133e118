"""``NAMES`` of the recipes: the one place that says which there are."""

from __future__ import annotations

import ast

from workbench.errors import ConfigurationError

__all__ = ["with_name"]


def with_name(source: str, name: str, where: str) -> str:
    """The source of ``recipes/__init__.py`` with one more name, sorted; all else stays as it is.

    Raises:
        ConfigurationError: it has no ``NAMES`` of plain texts.
    """
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="NAMES")], value=ast.Tuple(elts=elements)):
                known = [one.value for one in elements if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                names = ", ".join(f'"{one}"' for one in sorted({*known, name}))
                lines = source.splitlines(keepends=True)
                return "".join([*lines[: node.lineno - 1], f"NAMES = ({names})\n", *lines[node.end_lineno :]])
    raise ConfigurationError("there is no `NAMES = (…)` to add a recipe to", where=where)
