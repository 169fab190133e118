"""Loose statements as the bodies of ``join`` and ``features``.

Somebody who explores writes ``primary = tables["samples"]`` and ``idea = primary.mutate(…)``, not functions. What
comes of ``tables`` is the body of ``join``, up to ``primary``; what comes of ``primary`` is the body of ``features``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.notebook.promote.pieces import LeftOut, Piece, Pieces

__all__ = ["ROOT_OF", "Body", "bodies"]

ROOT_OF = {"join": "tables", "features": "primary"}
"""The argument of each function of a recipe."""


@dataclass(frozen=True)
class Body:
    """Statements that make up a function.

    Attributes:
        pieces: in order.
        gives: the name that the function gives back.
    """

    pieces: tuple[Piece, ...]
    gives: str


def bodies(pieces: Pieces) -> tuple[dict[str, Body], list[LeftOut]]:
    """``join`` and ``features``, as far as loose statements make them; and what is left out of both.

    A function that the tagged cells define goes first: loose statements beside it are trials of it.
    """
    roots = _roots(pieces.loose)
    found: dict[str, Body] = {}
    used: set[int] = set()
    for function, root in ROOT_OF.items():
        own = [piece for piece, of in zip(pieces.loose, roots, strict=True) if of == {root}]
        if not own or function in pieces.functions:
            continue
        # The last one gives the result, but for `join`, which ends where `primary` begins.
        ends = [piece for piece in own if "primary" in piece.gives] if function == "join" else []
        last = (ends or own)[-1]
        chosen = _needed(pieces.loose, roots, root, last)
        used |= {id(piece) for piece in chosen}
        found[function] = Body(tuple(chosen), "primary" if ends else last.gives[-1])
    left_out = [
        piece.left_out(_why(of, pieces)) for piece, of in zip(pieces.loose, roots, strict=True) if id(piece) not in used
    ]
    return found, left_out


def _roots(loose: Sequence[Piece]) -> list[set[str]]:
    """Of which argument each statement comes, by the names that it reads, and those before it."""
    of: dict[str, set[str]] = {root: {root} for root in ROOT_OF.values()}
    found = []
    for piece in loose:
        roots = set().union(*(of.get(name, set()) for name in piece.needs))
        found.append(roots)
        for name in piece.gives:
            if name not in ROOT_OF.values():
                of[name] = roots
    return found


def _needed(loose: Sequence[Piece], roots: Sequence[set[str]], root: str, last: Piece) -> list[Piece]:
    """The statements up to `last` that it needs, in order; those of another argument are not within reach."""
    at = next(number for number, piece in enumerate(loose) if piece is last)
    wanted, chosen = set(last.needs), [last]
    for piece, of in reversed(list(zip(loose[:at], roots[:at], strict=True))):
        if of <= {root} and wanted.intersection(piece.gives):
            chosen.append(piece)
            wanted |= piece.needs
    return chosen[::-1]


def _why(roots: set[str], pieces: Pieces) -> str:
    if len(roots) > 1:
        return "needs the tables and what was made of them at once: a recipe joins first"
    for function, root in ROOT_OF.items():
        if roots == {root}:
            given = "which is a function of its own" if function in pieces.functions else "of which it is no part"
            return f"is a trial beside `{function}`, {given}"
    return "is used by nothing in the recipe; write a constant in capitals"
