"""Small pieces of HTML for the cells of a report. Every text is escaped; only :class:`Html` goes in as it is."""

from __future__ import annotations

import html as _html
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

__all__ = ["Cell", "Html", "callout", "facts", "joined", "paragraph", "steps", "table", "tag", "tiles"]


class Html(str):
    """Markup that is safe to show; Jupyter shows it as HTML."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)


Child = str | int | float | None


def tag(name: str, *children: Child, **attributes: str | int | None) -> Html:
    """An element. A trailing underscore is dropped from an attribute's name: ``class_="num"``."""
    inside = "".join(map(_escaped, children))
    given = "".join(
        f' {key.rstrip("_")}="{_html.escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>" if name in {"img", "br", "hr"} else f"<{name}{given}>{inside}</{name}>")


def joined(*pieces: str | None) -> Html:
    """Pieces one after the other."""
    return Html("".join(map(_escaped, pieces)))


def _escaped(child: Child) -> str:
    if child is None:
        return ""
    return str(child) if isinstance(child, Html) else _html.escape(str(child), quote=False)


def paragraph(*children: Child, class_: str | None = None) -> Html:
    """A paragraph."""
    return tag("p", *children, class_=class_)


class Cell:
    """One cell of a table that is not plain.

    Args:
        content: what it holds.
        kind: class of the cell: ``best`` (the best of its row), ``bad``, ``good``, ``quiet``.
        note: small print under the content.
    """

    def __init__(self, content: Child, kind: str = "", note: str = "") -> None:
        self.content, self.kind, self.note = content, kind, note


def table(
    header: Sequence[str], rows: Iterable[Sequence[Cell | Child]], *, numbers: Iterable[int] = (), caption: str = ""
) -> Html:
    """A table whose first column names the row.

    Args:
        header: one title a column.
        rows: one value a column.
        numbers: positions of the columns that hold numbers, aligned to the right.
        caption: what the table shows.
    """
    right = set(numbers)
    kinds = ["num" if position in right else None for position in range(len(header))]
    titles = (tag("th", title, class_=kind, scope="col") for title, kind in zip(header, kinds, strict=True))
    body = (tag("tr", *(_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows)
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption) if caption else None,
            tag("thead", tag("tr", *titles)),
            tag("tbody", *body),
        ),
        class_="scroll",
    )


def _cell(cell: Cell | Child, kind: str | None) -> Html:
    if not isinstance(cell, Cell):
        return tag("td", cell, class_=kind)
    note = tag("small", cell.note) if cell.note else None
    return tag("td", cell.content, note, class_=" ".join(filter(None, (kind, cell.kind))) or None)


LONG = 11
"""Characters of a number from which it is set smaller, so that a date stays on one line of a tile."""


def tiles(*items: tuple[str, str, str]) -> Html:
    """Big numbers side by side: (label, number, what it means)."""
    return tag(
        "div",
        *(
            tag(
                "div",
                tag("div", label, class_="label"),
                tag("div", number, class_="number" if len(number) < LONG else "number long"),
                tag("div", meaning, class_="meaning"),
                class_="tile",
            )
            for label, number, meaning in items
        ),
        class_="tiles",
    )


def callout(kind: Literal["good", "bad", "note"], title: str, *children: Child) -> Html:
    """A sentence that must not be missed; its kind is said by a sign and by words, not by colour alone."""
    sign = tag("span", "i", class_="sign") if kind == "note" else {"good": "✓", "bad": "✗"}[kind]
    return tag("div", paragraph(tag("b", sign, f" {title}")), *children, class_=f"callout {kind}")


def facts(items: Mapping[str, Child]) -> Html:
    """Names and values, one pair a line; pairs without a value are left out, and so is a list without a pair."""
    pairs = [
        tag("div", tag("dt", name), tag("dd", value))
        for name, value in items.items()
        if value is not None and value != ""
    ]
    return tag("dl", *pairs, class_="facts") if pairs else Html("")


def steps(items: Iterable[tuple[str, str, str]]) -> Html:
    """What to do, in order: (what, why, what to type or open); the last may be empty."""
    return tag(
        "ol",
        *(
            tag("li", tag("b", f"{what}. "), why, tag("code", command) if command else None)
            for what, why, command in items
        ),
        class_="steps",
    )
