"""The pieces, as the text of a recipe module, in the way that the others are written."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench.notebook.promote.describe import docstring, prose
from workbench.notebook.promote.flow import ROOT_OF, Body
from workbench.notebook.promote.names import annotated
from workbench.notebook.promote.pieces import Piece, Pieces

__all__ = ["Frame", "module_text"]

OTHERWISE = {
    "join": "The tables as one, a row a key.",
    "features": "The primary table, and what is made of its columns.",
}
_SIGNATURES = {
    "join": "def join(tables: Mapping[str, ir.Table]) -> ir.Table:",
    "features": "def features(primary: ir.Table) -> ir.Table:",
}
_ARGUMENT = {"join": "Mapping[str, ir.Table]", "features": "ir.Table"}


@dataclass(frozen=True)
class Frame:
    """What a recipe has beside what the notebook says.

    Attributes:
        about: the paragraphs of its docstring.
        tables: ``TABLES`` as code, if no cell says it.
        excluded: ``EXCLUDED`` as code, if no cell says it.
        join: all of ``join`` as code, if no cell says it.
        imports: lines that the two need.
    """

    about: tuple[str, ...]
    tables: str = ""
    excluded: str = "{}"
    join: str = ""
    imports: tuple[str, ...] = ()


def module_text(pieces: Pieces, made: Mapping[str, Body], frame: Frame) -> str:
    """The module, not tidied yet."""
    constants = list(dict.fromkeys(map(id, pieces.constants.values())))
    by_id = {id(piece): piece for piece in pieces.constants.values()}
    lines = [_source(by_id[one]) for one in constants]
    if frame.tables:
        lines.insert(0, f"TABLES = {frame.tables}")
    if "EXCLUDED" not in pieces.constants:
        lines.append(f"EXCLUDED{': dict[str, str]' if frame.excluded == '{}' else ''} = {frame.excluded}")
    functions = [frame.join] if frame.join else []
    functions += [_loose(name, body, pieces) for name, body in made.items()]
    functions += [_function(name, piece, pieces) for name, piece in pieces.functions.items()]
    public = {"EXCLUDED", "TABLES", "features", "join"} | {n for n in pieces.constants if not n.startswith("_")}
    head = [
        docstring(list(frame.about), "A recipe."),
        "from __future__ import annotations",
        "\n".join(sorted({*_light(pieces, made), *frame.imports, "from collections.abc import Mapping"})),
        "from typing import TYPE_CHECKING, Any",
        "\n    ".join(["if TYPE_CHECKING:", *sorted({*_for_types(pieces), "import ibis.expr.types as ir"})]),
        f"__all__ = {sorted(public)!r}",
    ]
    return "\n\n".join([*head, "\n".join(lines), *(f"\n{function}" for function in functions)]) + "\n"


def _light(pieces: Pieces, made: Mapping[str, Body]) -> Iterable[str]:
    """The imports of the module itself: of those that are used, the ones which cost nothing."""
    used = {name for piece in (*pieces.constants.values(), *pieces.functions.values()) for name in piece.needs}
    used |= {name for body in made.values() for piece in body.pieces for name in piece.needs}
    used |= {name for piece in pieces.functions.values() for name in annotated(piece.node)}
    return [one.text for name, one in pieces.imports.items() if name in used and not one.heavy]


def _for_types(pieces: Pieces) -> Iterable[str]:
    """The imports that annotations alone need."""
    named = {name for piece in pieces.functions.values() for name in annotated(piece.node)}
    return (pieces.imports[name].text for name in named & set(pieces.imports) if pieces.imports[name].heavy)


def _loose(name: str, body: Body, pieces: Pieces) -> str:
    *before, last = body.pieces
    lines = [_SIGNATURES[name], docstring(_told(before[0] if before else last, pieces), OTHERWISE[name], "    ")]
    lines += _heavy((need for piece in body.pieces for need in piece.needs), pieces)
    lines += [_indented(piece) for piece in before]
    match last.node:
        case ast.Assign(targets=[ast.Name(id=body.gives)], value=value) if value.lineno == value.end_lineno:
            return "\n".join([*lines, f"    return {ast.get_source_segment(last.cell.source, value)}"])
        case ast.Assign(targets=[ast.Name(id=body.gives)]):
            text = _indented(last)
            return "\n".join([*lines, text.replace(f"{body.gives} = ", "return ", 1)])
    return "\n".join([*lines, _indented(last), f"    return {body.gives}"])


def _heavy(needs: Iterable[str], pieces: Pieces) -> list[str]:
    found = {pieces.imports[name].text for name in needs if name in pieces.imports and pieces.imports[name].heavy}
    # `import ibis` goes before `from ibis import _`.
    return [f"    {line}" for line in sorted(found, key=lambda line: (line.startswith("from"), line))]


def _function(name: str, piece: Piece, pieces: Pieces) -> str:
    node = piece.node
    assert isinstance(node, ast.FunctionDef)  # noqa: S101 - for mypy: only functions are among them
    text = textwrap.dedent(_source(piece))
    header, body = _split(text)
    lines = [_typed(name, node, header)]
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        end = (first.end_lineno or first.lineno) - node.lineno + 1 + _above(piece)
        rows = text.splitlines()
        lines.append("\n".join(rows[len(header.splitlines()) : end]))
        body = "\n".join(rows[end:])
    elif name in OTHERWISE or not name.startswith("_"):
        lines.append(
            docstring(_told(piece, pieces), OTHERWISE.get(name, f"{name.replace('_', ' ').capitalize()}."), "    ")
        )
    return "\n".join([*lines, *_heavy(piece.needs, pieces), body])


def _told(piece: Piece, pieces: Pieces) -> list[str]:
    """What stands above its cell, for the first function of the cell; above the first cell is what the module says."""
    everything = (*pieces.constants.values(), *pieces.functions.values(), *pieces.loose)
    first_cell = min(one.cell.number for one in everything)
    here = [one.node.lineno for one in pieces.functions.values() if one.cell is piece.cell]
    first = not here or piece.node.lineno == min(here)
    return prose(piece.cell.above) if first and piece.cell.number > first_cell else []


def _typed(name: str, node: ast.FunctionDef, header: str) -> str:
    """The header with an annotation everywhere; the comments above it stay."""
    above = [line for line in header.splitlines() if line.startswith("#")]
    above += [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
    arguments = node.args
    for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        arg.annotation = arg.annotation or _parsed(_ARGUMENT.get(name, "Any"))
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            star.annotation = star.annotation or _parsed("Any")
    returns = ast.unparse(node.returns) if node.returns else ("ir.Table" if name in ROOT_OF else "Any")
    return "\n".join([*above, f"def {name}({ast.unparse(arguments)}) -> {returns}:"])


def _parsed(annotation: str) -> ast.expr:
    return ast.parse(annotation, mode="eval").body


def _split(text: str) -> tuple[str, str]:
    """The lines up to the colon of `def`, and the body; a body on the same line gets one of its own."""
    depth, seen = 0, False
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        seen |= token.type == tokenize.NAME and token.string == "def"
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.string, 0) * (token.type == tokenize.OP)
        if seen and depth == 0 and token.type == tokenize.OP and token.string == ":":
            row, column = token.end
            lines = text.splitlines()
            header, rest = [*lines[: row - 1], lines[row - 1][:column]], lines[row - 1][column:].strip()
            inline = [f"    {rest}"] if rest else []
            return "\n".join(header), "\n".join([*inline, *lines[row:]])
    raise ValueError(text)  # pragma: no cover - it was parsed as a function


def _above(piece: Piece) -> int:
    """How many lines of comments and decorators stand above `def` and belong to it."""
    return piece.node.lineno - _first_line(piece)


def _first_line(piece: Piece) -> int:
    lines = piece.cell.source.splitlines()
    decorators: Sequence[ast.expr] = getattr(piece.node, "decorator_list", ())
    first = min([piece.node.lineno, *(decorator.lineno for decorator in decorators)])
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _source(piece: Piece) -> str:
    """Its own text, comments and all; several statements in a line are written anew."""
    lines = piece.cell.source.splitlines()
    start, end = _first_line(piece), piece.node.end_lineno or piece.node.lineno
    alone = piece.node.col_offset == 0 and not _shares_its_line(piece)
    return "\n".join(lines[start - 1 : end]) if alone else ast.unparse(piece.node)


def _shares_its_line(piece: Piece) -> bool:
    here = range(piece.node.lineno, (piece.node.end_lineno or piece.node.lineno) + 1)
    others = (node for node in piece.cell.body if node is not piece.node)
    return any(node.lineno in here or (node.end_lineno or 0) in here for node in others)


def _indented(piece: Piece) -> str:
    text = _source(piece)
    # The lines within a text must stay as they are.
    if any(isinstance(n, ast.Constant | ast.JoinedStr) and n.end_lineno != n.lineno for n in ast.walk(piece.node)):
        text = ast.unparse(piece.node)
    return textwrap.indent(text, "    ")
