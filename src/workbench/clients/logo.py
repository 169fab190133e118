"""A client's logo, reduced to what is a picture: it goes to people in every report.

Of a PNG, only the chunks that are the picture are kept: no text, no time, no place where it was taken. Of an SVG, only
shapes and their looks: no script, no style sheet, no link, no text element, nothing that is fetched.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

from workbench.errors import ConfigurationError

__all__ = ["logo_source"]

LARGEST = 200_000
"""Bytes; a logo is in every page."""

PNG = b"\x89PNG\r\n\x1a\n"
PICTURE_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
MOST_PIXELS = 4096

SVG = "http://www.w3.org/2000/svg"
ELEMENTS = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs", "title", "clipPath"}
    | {"linearGradient", "radialGradient", "stop"}
)
ATTRIBUTES = frozenset(
    {"d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "width", "height", "points", "id"}
    | {"viewBox", "preserveAspectRatio", "transform", "fill", "fill-rule", "fill-opacity", "clip-rule", "clip-path"}
    | {"stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-opacity", "opacity"}
    | {"offset", "stop-color", "stop-opacity", "gradientUnits", "gradientTransform"}
)
_HARMLESS = re.compile(r"(?:url\(#[\w-]+\)|(?!.*(?:url|:|&|\\|@)).*)", re.DOTALL | re.IGNORECASE)


def logo_source(path: Path) -> str:
    """The picture as a ``data:`` address.

    Raises:
        ConfigurationError: there is no such file, it is a link, too large, or no such picture.
    """
    if path.is_symlink() or not path.is_file():
        raise ConfigurationError("there is no such logo", where=str(path), hint="put the file beside client.yml")
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise ConfigurationError(f"a logo may have {LARGEST:,} bytes, not {len(content):,}", where=str(path))
    kind, clean = ("png", _png(content, path)) if path.suffix == ".png" else ("svg+xml", _svg(content, path))
    return f"data:image/{kind};base64,{base64.b64encode(clean).decode()}"


def _png(content: bytes, path: Path) -> bytes:
    """The file again, from the chunks that make the picture (PNG specification, third edition, section 5)."""
    if not content.startswith(PNG):
        raise ConfigurationError("is not a PNG picture", where=str(path))
    kept, at = [PNG], len(PNG)
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        name, end = content[at + 4 : at + 8], at + 12 + length
        if (
            end > len(content)
            or zlib.crc32(content[at + 4 : end - 4]) != struct.unpack(">I", content[end - 4 : end])[0]
        ):
            break
        if name == b"IHDR" and max(struct.unpack(">II", content[at + 8 : at + 16])) > MOST_PIXELS:
            raise ConfigurationError(f"a logo may have {MOST_PIXELS} pixels a side", where=str(path))
        if name in PICTURE_CHUNKS:
            kept.append(content[at:end])
        if name == b"IEND":
            return b"".join(kept)
        at = end
    raise ConfigurationError("is a PNG picture that is damaged", where=str(path))


def _svg(content: bytes, path: Path) -> bytes:
    # Entities are the one thing that a parser of XML can be hurt by; a picture needs none.
    if b"<!DOCTYPE" in content.upper() or b"<!ENTITY" in content.upper():
        raise ConfigurationError("an SVG logo may not have a document type", where=str(path), hint="remove that line")
    try:
        root = ET.fromstring(content)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise ConfigurationError(f"is not an SVG picture ({error})", where=str(path)) from error
    if root.tag != f"{{{SVG}}}svg":
        raise ConfigurationError("is not an SVG picture", where=str(path))
    ET.register_namespace("", SVG)
    _clean(root)
    return ET.tostring(root)


def _clean(element: ET.Element) -> None:
    for name, value in list(element.attrib.items()):
        if name not in ATTRIBUTES or not _HARMLESS.fullmatch(value):
            del element.attrib[name]
    for child in list(element):
        if not isinstance(child.tag, str) or child.tag.removeprefix(f"{{{SVG}}}") not in ELEMENTS:
            element.remove(child)
        else:
            _clean(child)
    if element.tag != f"{{{SVG}}}title":
        element.text = None
    element.tail = None
