"""Which names a piece of code needs from elsewhere, and which it gives to others: as Python's own compiler sees it."""

from __future__ import annotations

import ast
import builtins
import symtable

__all__ = ["annotated", "assigned", "bare", "free", "local_imports"]

_BUILTINS = frozenset(dir(builtins))


def free(statement: ast.stmt) -> frozenset[str]:
    """The names that it reads and does not make itself; built-in ones and those of annotations are not among them."""
    code = ast.unparse(bare(statement))
    table = symtable.symtable(code, "recipe", "exec")
    own = {statement.name} if isinstance(statement, ast.FunctionDef) else set()
    read = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        read.add(statement.target.id)
    for child in table.get_children():
        read |= _globals(child)
    return frozenset(read - own - _BUILTINS)


def assigned(statement: ast.stmt) -> tuple[str, ...]:
    """The plain names that an assignment gives a value to; none if it is no such assignment."""
    match statement:
        case ast.Assign(targets=targets):
            names = [name for target in targets for name in _targets(target)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()) | ast.AugAssign(target=ast.Name(id=name)):
            names = [name]
        case _:
            return ()
    return tuple(names) if all(names) else ()


def annotated(statement: ast.stmt) -> frozenset[str]:
    """The names in its annotations, which nobody reads when it runs."""
    found: list[ast.expr | None] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
    names = (node.id for one in found if one for node in ast.walk(one) if isinstance(node, ast.Name))
    return frozenset(names) - _BUILTINS


def bare(statement: ast.stmt) -> ast.stmt:
    """A copy without annotations."""
    copy = ast.parse(ast.unparse(statement)).body[0]
    for node in ast.walk(copy):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    if isinstance(copy, ast.AnnAssign) and copy.value is not None:
        return ast.copy_location(ast.Assign(targets=[copy.target], value=copy.value), copy)
    return copy


def local_imports(statement: ast.stmt) -> list[ast.Import | ast.ImportFrom]:
    """The imports within a function."""
    return [node for node in ast.walk(statement) if isinstance(node, ast.Import | ast.ImportFrom)]


def _globals(table: symtable.SymbolTable) -> set[str]:
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    for child in table.get_children():
        found |= _globals(child)
    return found


def _targets(target: ast.expr) -> list[str]:
    """The names of a target; an empty one for what is not a name, such as an attribute."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _targets(element)]
    return [""]
