"""The text above a cell, as a docstring."""

from __future__ import annotations

import re
import textwrap

__all__ = ["docstring", "prose"]

WIDTH = 116
_LISTED = re.compile(r"\s*([-*+|>]|\d+\.|```)")


def prose(markdown: str) -> list[str]:
    """The paragraphs, without headings, pictures and fenced code, and links as their text."""
    text = re.sub(r"^```.*?^```\s*$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^#+ .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    # In a docstring, code stands between two backticks.
    text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", text)
    return [paragraph.strip("\n") for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def docstring(paragraphs: list[str], otherwise: str, indent: str = "") -> str:
    """The lines of a docstring: its first sentence alone, as the summary, then the rest.

    Args:
        paragraphs: of :func:`prose`.
        otherwise: the summary, if there are none.
        indent: what every line begins with.
    """
    first, *rest = paragraphs or [otherwise]
    if not _LISTED.match(first):
        summary, *more = re.split(r"(?<=[.!?])\s+", " ".join(first.split()), maxsplit=1)
    else:
        summary, more = otherwise, [first]
    if not summary.endswith((".", "!", "?")):
        summary = f"{summary.rstrip(':;,')}."
    blocks = [summary, *(_wrapped(block, indent) for block in (*more, *rest))]
    text = "\n\n".join(blocks).replace('"""', "'''")
    closing = "\n" if len(blocks) > 1 else ""
    quotes = 'r"""' if "\\" in text else '"""'
    return textwrap.indent(f'{quotes}{text}{closing}"""', indent, lambda line: bool(line.strip()))


def _wrapped(paragraph: str, indent: str) -> str:
    if any(_LISTED.match(line) for line in paragraph.splitlines()):
        return paragraph
    return textwrap.fill(" ".join(paragraph.split()), WIDTH - len(indent), break_long_words=False)
