"""The ways in which one value may stand in a file, a log or an address."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

__all__ = ["LONG_PART", "SHORTEST", "forms_of"]

SHORTEST = 8
"""Characters; a shorter value would be found by chance, in forms that look like anything."""

LONG_PART = 16
"""Characters from which on a line of a key, or a part of an address, is a secret of its own."""


@lru_cache(maxsize=1024)
def forms_of(value: str) -> frozenset[str]:
    """A value as it is, escaped, quoted, as ``%r``, in hexadecimal and in base64.

    Of a key in several lines each line counts, since a log may take them one by
    one; of an address its password and its long parts do.
    """
    parts = {value, *_parts(value)}
    return frozenset(form for part in parts if len(part) >= SHORTEST for form in _written(part))


def _written(value: str) -> Iterator[str]:
    content = value.encode("utf-8", "surrogateescape")
    yield from (value, html.escape(value), html.escape(value, quote=False))
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (repr(value)[1:-1], repr(content)[2:-1])
    for coded in (quote(content, safe=""), quote(content), quote_plus(content)):
        yield from (coded, re.sub("%[0-9A-F]{2}", lambda hexadecimal: hexadecimal[0].lower(), coded))
    yield from (content.hex(), content.hex().upper())
    yield from _base64(content)


def _base64(content: bytes) -> Iterator[str]:
    """The part of its base64 that does not depend on what stands before and after it, at each of three offsets."""
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + content).decode().rstrip("=")
        # A character tells six bits: those which share bits with a neighbour are left out.
        inner = coded[-(-8 * offset // 6) : 8 * (offset + len(content)) // 6]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


def _parts(value: str) -> Iterator[str]:
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= LONG_PART and not line.startswith("-----"))
    elif "://" in value:
        try:
            address = urlsplit(value)
        except ValueError:
            return
        yield from {address.password or "", unquote(address.password or "")}
        yield from (part for part in re.split(r"[/?&=]", address.path + "?" + address.query) if len(part) >= LONG_PART)
