"""The tagged cells, taken apart: what a recipe can be made of, and what is left out and why."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from workbench.notebook.promote.cells import Cell
from workbench.notebook.promote.names import assigned, free
from workbench.notebook.promote.rules import HEAVY, NOTEBOOK_NAMES, allowed, reason, what_it_is, why_not

__all__ = ["ROOTS", "Import", "LeftOut", "Piece", "Pieces", "take_apart"]

ROOTS = ("tables", "primary")
"""The arguments of ``join`` and of ``features``: names that a loose statement may use."""


@dataclass(frozen=True, order=True)
class LeftOut:
    """What could not become part of the recipe.

    Attributes:
        cell: the number of the code cell.
        line: in the cell, from 1.
        what: its first line.
        why: the reason, as the end of a sentence that begins with it.
    """

    cell: int
    line: int
    what: str
    why: str

    def __str__(self) -> str:
        return f"code cell {self.cell}, line {self.line}: `{self.what}` {self.why}"

    def to_dict(self) -> dict[str, int | str]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Import:
    """One imported name: ``from <module> import <name> as <bound>``; without a name, ``import <module> as <bound>``."""

    module: str
    name: str | None
    bound: str

    @property
    def heavy(self) -> bool:
        """Whether the function that uses it should import it."""
        return self.module.split(".", maxsplit=1)[0] in HEAVY

    @property
    def text(self) -> str:
        """As a line of code."""
        alias = "" if self.bound in {self.name, self.module} else f" as {self.bound}"
        return f"from {self.module} import {self.name}{alias}" if self.name else f"import {self.module}{alias}"


@dataclass(frozen=True)
class Piece:
    """A function, or an assignment, of a tagged cell.

    Attributes:
        cell: where it stands.
        node: its syntax tree.
        gives: the names that it makes.
        needs: the names that it reads.
    """

    cell: Cell
    node: ast.stmt
    gives: tuple[str, ...]
    needs: frozenset[str]

    def left_out(self, why: str, line: int | None = None) -> LeftOut:
        """Say why it is."""
        first = self.cell.source.splitlines()[self.node.lineno - 1].strip()
        return LeftOut(self.cell.number, line or self.node.lineno, first[:80], why)


@dataclass
class Pieces:
    """What the tagged cells came to.

    Attributes:
        imports: all imports of the notebook that a recipe may have, by the name that they bind.
        constants: assignments to names in capitals.
        functions: by name, in order.
        loose: other assignments, in order.
        left_out: the rest.
    """

    imports: dict[str, Import] = field(default_factory=dict)
    constants: dict[str, Piece] = field(default_factory=dict)
    functions: dict[str, Piece] = field(default_factory=dict)
    loose: list[Piece] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def take_apart(cells: Iterable[Cell]) -> Pieces:
    """Sort the statements of the tagged cells; imports are gathered from all cells."""
    cells = list(cells)
    pieces = Pieces()
    forbidden: dict[str, str] = {}
    for cell in cells:
        for name, module, imported in _imports(cell):
            if allowed(module):
                pieces.imports[name] = imported
                forbidden.pop(name, None)
            else:
                forbidden[name] = f"uses {module}: {why_not(module)}"
    for cell in (cell for cell in cells if cell.tagged):
        pieces.left_out += [
            LeftOut(cell.number, line, text[:80], "is not Python: only IPython understands it")
            for line, text in cell.foreign
        ]
        for node in cell.body:
            _sort(Piece(cell, node, _gives(node), free(node)), pieces)
    _drop_what_cannot_stand(pieces, [cell for cell in cells if cell.tagged], forbidden, _elsewhere(cells))
    return pieces


def _sort(piece: Piece, pieces: Pieces) -> None:
    match piece.node:
        case ast.ImportFrom(names=[ast.alias(name="*")]):
            pieces.left_out.append(piece.left_out("imports whatever is there: name what it needs"))
            return
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return
    ruled_out = reason(piece.node) if piece.gives else None
    if not piece.gives:
        pieces.left_out.append(piece.left_out(what_it_is(piece.node)))
    elif ruled_out is not None:
        pieces.left_out.append(piece.left_out(ruled_out[1], ruled_out[0]))
    elif isinstance(piece.node, ast.FunctionDef):
        _say_again(pieces.functions.pop(piece.node.name, None), piece, pieces)
        pieces.functions[piece.node.name] = piece
    elif all(name.isupper() for name in piece.gives) and not isinstance(piece.node, ast.AugAssign):
        for name in piece.gives:
            _say_again(pieces.constants.pop(name, None), piece, pieces)
        pieces.constants |= dict.fromkeys(piece.gives, piece)
    else:
        pieces.loose.append(piece)


def _say_again(before: Piece | None, now: Piece, pieces: Pieces) -> None:
    """In a notebook the cell that ran last wins; in a module there is one of a name."""
    if before is not None:
        pieces.left_out.append(before.left_out(f"is made again in code cell {now.cell.number}"))


def _gives(node: ast.stmt) -> tuple[str, ...]:
    return (node.name,) if isinstance(node, ast.FunctionDef) else assigned(node)


def _imports(cell: Cell) -> Iterator[tuple[str, str, Import]]:
    for node in cell.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.split(".", maxsplit=1)[0]
                yield bound, alias.name, Import(alias.name, None, alias.asname or alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                # `from pipelines.prepare import recipes` and `from matplotlib import pyplot` are judged by the module.
                bound = alias.asname or alias.name
                yield bound, node.module, Import(node.module, alias.name, bound)


def _elsewhere(cells: Iterable[Cell]) -> dict[str, str]:
    """Why a name that no tagged cell gives is not there: where the notebook has it from."""
    found = {name: f"uses '{name}', which is there in notebooks only" for name in NOTEBOOK_NAMES}
    found["catalog"] += ": a recipe is given its tables"
    for cell in cells:
        if not cell.tagged:
            for node in cell.body:
                for name in _gives(node):
                    found[name] = f"uses '{name}', which code cell {cell.number} makes, and that is not tagged"
    return found


def _drop_what_cannot_stand(
    pieces: Pieces, tagged: Iterable[Cell], forbidden: Mapping[str, str], elsewhere: Mapping[str, str]
) -> None:
    """Leave out what needs a name that the recipe has not; then what needs that, until nothing changes."""
    gone = _refused(pieces, tagged)
    while True:
        given = {*pieces.imports, *pieces.constants, *pieces.functions, *ROOTS}
        given |= {name for piece in pieces.loose for name in piece.gives}
        for piece in (*pieces.constants.values(), *pieces.functions.values(), *pieces.loose):
            why = _lacks(piece, pieces, given, {**gone, **forbidden}, elsewhere)
            if why is not None:
                pieces.left_out.append(piece.left_out(why))
                gone |= {name: f"needs '{name}', which was left out" for name in piece.gives}
                _remove(piece, pieces)
                break
        else:
            return


def _refused(pieces: Pieces, tagged: Iterable[Cell]) -> dict[str, str]:
    """The names of tagged cells that are left out by themselves."""
    taken = {*pieces.constants, *pieces.functions, *(name for piece in pieces.loose for name in piece.gives)}
    names = {name for cell in tagged for node in cell.body for name in _gives(node)}
    return {name: f"needs '{name}', which was left out" for name in names - taken}


def _lacks(
    piece: Piece, pieces: Pieces, given: set[str], gone: Mapping[str, str], elsewhere: Mapping[str, str]
) -> str | None:
    """Why a piece cannot stand where it would: what it needs is not there."""
    for name in sorted(piece.needs - given):
        return gone.get(name) or elsewhere.get(name) or f"uses '{name}', which the notebook makes nowhere"
    if piece in pieces.loose:
        return None
    for name in ROOTS:
        if name in piece.needs:
            return f"uses '{name}' without being given it: make it an argument of a function"
    for piece_of in pieces.loose:
        for name in sorted(piece.needs.intersection(piece_of.gives)):
            return f"uses '{name}', which is no function and no constant: write a constant in capitals"
    if isinstance(piece.node, ast.FunctionDef):
        return None
    heavy = [name for name in sorted(piece.needs) if name in pieces.imports and pieces.imports[name].heavy]
    return f"would import {heavy[0]} when the recipe is named: put it into the function that uses it" if heavy else None


def _remove(piece: Piece, pieces: Pieces) -> None:
    if piece in pieces.loose:
        pieces.loose.remove(piece)
        return
    for name in piece.gives:
        (pieces.functions if name in pieces.functions else pieces.constants).pop(name, None)
