"""What a recipe needs beside what the tagged cells say: its tables, and `join` if it keeps that of the client."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigurationError, did_you_mean
from workbench.notebook.documents import title_of
from workbench.notebook.promote.describe import prose
from workbench.notebook.promote.write import Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbformat import NotebookNode

    from workbench.clients import Client
    from workbench.notebook.promote.flow import Body
    from workbench.notebook.promote.pieces import Pieces

__all__ = ["frame_of"]


def frame_of(notebook: NotebookNode, path: str, client: Client, pieces: Pieces, made: Mapping[str, Body]) -> Frame:
    """Find it.

    Raises:
        ConfigurationError: a table is not among the client's, or `join` can be had from nowhere.
    """
    first = min((*pieces.functions.values(), *pieces.loose), key=lambda piece: piece.cell.number)
    about = (f"{client.title}: {_heading(notebook)}.", *prose(first.cell.above), f"From ``{path}``.")
    if "join" not in pieces.functions and "join" not in made:
        return _kept_join(client, about, "TABLES" in pieces.constants)
    named = _named_tables(pieces, made)
    for table in named:
        if table not in client.sources:
            raise ConfigurationError(
                f"table '{table}' is not among the client's",
                where=f"client {client.id}, `join`",
                tried=", ".join(client.sources),
                hint=did_you_mean(table, client.sources, "add it to `sources` in client.yml"),
            )
    if "TABLES" in pieces.constants:
        return Frame(about)
    return Frame(about, tables=_code(sorted(named or client.sources)))


def _heading(notebook: NotebookNode) -> str:
    """Its heading, without the client's name, as part of a sentence."""
    heading = (title_of(notebook) or "a recipe").rpartition(": ")[2].rstrip(".")
    return heading if heading[:2].isupper() else heading[:1].lower() + heading[1:]


def _kept_join(client: Client, about: tuple[str, ...], has_tables: bool) -> Frame:
    if client.recipe != "auto":
        module = f"from pipelines.prepare.recipes import {client.recipe}"
        join = (
            "def join(tables: Mapping[str, ir.Table]) -> ir.Table:\n"
            f'    """As recipe {client.recipe} joins them."""\n'
            f"    return {client.recipe}.join(tables)"
        )
        # With what it leaves out: an idea on the primary table may have brought it back, and the test will tell.
        return Frame(
            about, "" if has_tables else f"{client.recipe}.TABLES", f"{client.recipe}.EXCLUDED", join, (module,)
        )
    if len(client.sources) > 1:
        raise ConfigurationError(
            f"no cell tagged `recipe` makes `join`, and there are {len(client.sources)} tables to be joined",
            where=f"client {client.id}",
            hint="tag a cell that defines `join(tables)`, or makes `primary` of `tables`",
        )
    table = next(iter(client.sources))
    join = (
        "def join(tables: Mapping[str, ir.Table]) -> ir.Table:\n"
        '    """The one table, as it is."""\n'
        f'    return tables["{table}"]'
    )
    return Frame(about, "" if has_tables else _code([table]), "{}", join)


def _code(names: list[str]) -> str:
    return f"({', '.join(repr(name) for name in names)},)"


def _named_tables(pieces: Pieces, made: Mapping[str, Body]) -> set[str]:
    """The texts that `tables` is indexed with."""
    nodes: list[Any] = [piece.node for piece in pieces.functions.values()]
    nodes += [piece.node for body in made.values() for piece in body.pieces]
    return {
        node.slice.value
        for root in nodes
        for node in ast.walk(root)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == "tables"
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    }
