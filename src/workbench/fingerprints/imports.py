"""What a syntax tree imports, wherever in it, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

__all__ = ["imported", "run_time"]


def run_time(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it but those that only a type checker sees."""
    yield node
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for branch in node.orelse:
            yield from run_time(branch)
        return
    for child in ast.iter_child_nodes(node):
        yield from run_time(child)


def imported(nodes: Iterable[ast.AST], module: str, package: str) -> set[str]:
    """Dotted names; ``from a import b`` gives ``a`` and ``a.b``, ``import_module(f"a.{x}")`` gives ``a.*``.

    Args:
        nodes: of one file, as :func:`run_time` gives them.
        module: the file's dotted name.
        package: what relative imports start from.
    """
    return {name for node in nodes for name in _imports(node, module, package)}


def _imports(node: ast.AST, module: str, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=name, names=names, level=level):
            above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
            source = ".".join([*above, *([name] if name else [])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in names)
        case ast.Call(func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"), args=[first, *_]):
            yield from _imported_by_name(first, module)


def _imported_by_name(argument: ast.expr, module: str) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(name)):
            yield name
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]) if "." in start:
            yield f"{start.rpartition('.')[0]}.*"
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Name(id="__name__")), *_]):
            yield f"{module}.*"
