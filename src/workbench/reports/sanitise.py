"""What a notebook put out, reduced to what a report may hold: text, tables, and pictures that lie in the page itself.

An allow-list, not a search for what is bad: every element and attribute that is not named here is gone, with scripts,
styles, event handlers, forms, frames, and every address outside of the page. SVG comes as the source of an ``img``,
where browsers neither run scripts nor fetch anything.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nh3

__all__ = ["sanitise"]

TAGS = frozenset(
    {"a", "abbr", "b", "blockquote", "br", "code", "del", "details", "div", "em", "hr", "i", "kbd", "mark", "p", "pre"}
    | {"s", "section", "small", "span", "strong", "sub", "summary", "sup", "u"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "figure", "figcaption", "img"}
    | {"dd", "dl", "dt", "li", "ol", "ul"}
    | {"caption", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
)

_CLASS = re.compile(r"[A-Za-z0-9_\- ]{0,200}")
_PICTURE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
_NUMBER = re.compile(r"\d{1,4}")
_FRAGMENT = re.compile(r"#[^\s\"'<>&]{1,200}")
_ANY = re.compile(r".*", re.DOTALL)

_ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "*": {"class": _CLASS},
    "a": {"href": _FRAGMENT},
    "abbr": {"title": _ANY},
    "img": {"alt": _ANY, "src": _PICTURE, "width": _NUMBER, "height": _NUMBER},
    "td": {"colspan": _NUMBER, "rowspan": _NUMBER},
    "th": {"colspan": _NUMBER, "rowspan": _NUMBER, "scope": re.compile(r"col|row|colgroup|rowgroup")},
}


def sanitise(html: str) -> str:
    """The allowed part of a piece of HTML, well formed."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={tag: set(patterns) for tag, patterns in _ATTRIBUTES.items()},
        attribute_filter=_kept,
        url_schemes={"data"},
        link_rel=None,
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    pattern = _ATTRIBUTES.get(tag, {}).get(name) or _ATTRIBUTES["*"].get(name)
    return value if pattern is not None and pattern.fullmatch(value) else None
