"""One source file, read without running it: a digest that ignores comments and docstrings, and what it imports."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from workbench.fingerprints.imports import imported, run_time

__all__ = ["Scan", "scan"]


@dataclass(frozen=True)
class Scan:
    """What one file says.

    Attributes:
        digest: sha256 of the syntax tree without docstrings, 16 hexadecimal digits; of the bytes if it is no Python.
        imports: dotted names, as :func:`workbench.fingerprints.imports.imported` gives them.
        names: attributes that it reads from anything: ``client.target`` gives ``target``.
    """

    digest: str
    imports: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def scan(path: Path, module: str) -> Scan:
    """Read a file.

    Args:
        path: Python source, a notebook, or anything else.
        module: its dotted name, which relative imports start from; a package's own for its ``__init__``.
    """
    data = path.read_bytes()
    if path.suffix not in {".py", ".ipynb"}:
        return Scan(_short(data))
    try:
        tree = ast.parse(_cells(data) if path.suffix == ".ipynb" else data)
    except (SyntaxError, ValueError):
        return Scan(_short(data))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    body = _without_docstrings(tree)
    nodes = list(run_time(body))
    imports = imported(nodes, module, package)
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    whole = {"*" for node in nodes if _dumps_a_client(node)}
    return Scan(_short(ast.dump(body).encode()), tuple(sorted(imports)), tuple(sorted(names | whole)))


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _cells(data: bytes) -> str:
    """The code of a notebook; lines for IPython alone are left out."""
    cells = json.loads(data).get("cells", [])
    sources = ("".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code")
    lines = (line for source in sources for line in source.splitlines())
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for found in ast.walk(tree):
        match found:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
            ):
                text.value = ""
    return tree


def _dumps_a_client(node: ast.AST) -> bool:
    """Whether it takes all fields of a client at once."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="client"), attr="model_dump" | "model_dump_json")):
            return True
    return False
