"""Why a piece of code has no place in a recipe, which is a pure function of tables to an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from workbench.notebook.promote.names import local_imports

__all__ = ["HEAVY", "NOTEBOOK_NAMES", "allowed", "reason", "what_it_is"]

NOTEBOOK_NAMES = ("catalog", "client", "context", "session", "pipelines", "display", "get_ipython", "In", "Out")
"""What is there in a notebook, and in no recipe."""

HEAVY = ("ibis",)
"""Imported by the function that uses it, as everywhere in the pipelines: naming a recipe imports nothing."""

_MODULES = ("ibis", "pipelines.prepare")
_STANDARD = (
    "__future__", "collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "itertools",
    "math", "operator", "re", "statistics", "string", "textwrap", "typing",
)  # fmt: skip

_EFFECTS = {
    "print": "prints",
    "display": "shows something",
    "open": "opens a file",
    "input": "asks a person",
    "exec": "runs text as code",
    "eval": "runs text as code",
    "compile": "runs text as code",
    "__import__": "imports by name",
    "breakpoint": "stops for a debugger",
    "globals": "reaches for all names there are",
    "setattr": "changes what it was given",
    "delattr": "changes what it was given",
}
_FETCHES = {
    "execute", "fetchall", "fetchdf", "fetchone", "to_pandas", "to_pandas_batches", "to_polars", "to_pyarrow",
    "to_pyarrow_batches", "to_torch",
}  # fmt: skip
_WRITES = {"to_csv", "to_delta", "to_excel", "to_json", "to_parquet", "write_parquet", "savefig", "create_table"}
_SHOWS = {"preview", "show", "plot", "hist"}


def allowed(module: str) -> bool:
    """Whether a recipe may import it: Ibis, what `prepare` offers, and the pure part of the standard library."""
    if module.split(".", maxsplit=1)[0] in _STANDARD:
        return True
    return any(module == known or module.startswith(f"{known}.") for known in _MODULES)


def reason(statement: ast.stmt) -> tuple[int, str] | None:
    """Line and reason of the first thing that rules it out; None if there is nothing."""
    return next(_reasons(statement), None)


def _reasons(statement: ast.stmt) -> Iterator[tuple[int, str]]:
    for imported in local_imports(statement):
        modules = [imported.module or "."] if isinstance(imported, ast.ImportFrom) else [a.name for a in imported.names]
        for module in modules:
            if not allowed(module):
                yield imported.lineno, f"imports {module}: {why_not(module)}"
    given = _parameters(statement)
    for node in ast.walk(statement):
        why = _of_a_call(node) if isinstance(node, ast.Call) else _of_a_change(node, given)
        if why:
            yield getattr(node, "lineno", statement.lineno), why


def _of_a_call(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name):
            return _EFFECTS.get(name, "")
        case ast.Attribute(attr=name) if name in _FETCHES:
            return f"fetches rows with `{name}`: the pipeline runs an expression, when it is saved"
        case ast.Attribute(attr=name) if name in _WRITES:
            return f"writes with `{name}`: the pipeline saves what a recipe makes"
        case ast.Attribute(attr=name) if name in _SHOWS:
            return f"shows something with `{name}`"
    return ""


def _of_a_change(node: ast.AST, given: set[str]) -> str:
    match node:
        case ast.Global() | ast.Nonlocal():
            return "changes a name outside of its function"
        case ast.Yield() | ast.YieldFrom() | ast.Await():
            return "yields or waits: a recipe is a plain function"
        case ast.Attribute(value=base, ctx=ast.Store() | ast.Del()):
            return f"changes an attribute of '{ast.unparse(base)}'"
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in given:
            return f"changes '{name}', which it was given"
    return ""


def _parameters(statement: ast.stmt) -> set[str]:
    if not isinstance(statement, ast.FunctionDef):
        return {"tables"}
    arguments = statement.args
    return {arg.arg for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def why_not(module: str) -> str:
    """Why a module is none for a recipe."""
    root = module.split(".", maxsplit=1)[0]
    if root in {"matplotlib", "seaborn", "plotly", "altair", "workbench"}:
        return "a recipe neither draws nor opens anything"
    if root in {"pandas", "numpy", "polars", "pyarrow", "sklearn", "scipy", "duckdb"}:
        return "a recipe's rows stay in the engine; write it as an Ibis expression"
    return "a recipe may import ibis, pipelines.prepare and the pure part of the standard library"


def what_it_is(statement: ast.stmt) -> str:
    """What a statement that is neither an import, a function nor an assignment does at the top of a cell."""
    found = reason(statement)
    match statement:
        case ast.Expr() if found is not None:
            return found[1]
        case ast.Expr():
            return "shows something: a recipe gives back what it makes"
        case ast.ClassDef():
            return "is a class: a recipe is functions"
        case ast.AsyncFunctionDef():
            return "yields or waits: a recipe is a plain function"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return found[1] if found is not None else "gives a value to something else than a name"
    return "is a statement at the top of a cell: put it into a function"
