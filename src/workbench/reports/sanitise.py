"""What a notebook put out, reduced to what a report may hold: text, tables, and pictures that lie in the page itself.

An allow-list, not a search for what is bad: every element and attribute that is not named here is gone, with scripts,
styles, event handlers, forms, frames, and every address outside of the page. SVG comes as the source of an ``img``,
where browsers neither run scripts nor fetch anything.
"""

from __future__ import annotations

import re

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

_ATTRIBUTES: dict[tuple[str, str], re.Pattern[str]] = {
    ("a", "href"): _FRAGMENT,
    ("img", "src"): _PICTURE,
    ("img", "width"): _NUMBER,
    ("img", "height"): _NUMBER,
    ("td", "colspan"): _NUMBER,
    ("td", "rowspan"): _NUMBER,
    ("th", "colspan"): _NUMBER,
    ("th", "rowspan"): _NUMBER,
    ("th", "scope"): re.compile(r"col|row|colgroup|rowgroup"),
}
_FREE_TEXT = {("img", "alt"), ("abbr", "title")}


def sanitise(html: str) -> str:
    """The allowed part of a piece of HTML, well formed."""
    import bleach

    # `script` and `style` lose their content as well as their tags: bleach would show it as text.
    html = re.sub(r"<(script|style)\b.*?</\1\s*>", "", html, flags=re.IGNORECASE | re.DOTALL)
    return str(bleach.clean(html, tags=TAGS, attributes=_allowed, protocols={"data"}, strip=True, strip_comments=True))


def _allowed(tag: str, name: str, value: str) -> bool:
    if (tag, name) in _FREE_TEXT:
        return True
    if name == "class":
        return bool(_CLASS.fullmatch(value))
    pattern = _ATTRIBUTES.get((tag, name))
    return pattern is not None and bool(pattern.fullmatch(value))
