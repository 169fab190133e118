"""An executed notebook as one HTML file that needs nothing else: no network, no script, no second file."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.reports.html import Html, joined, paragraph, tag
from workbench.reports.locale import language_of, markdown_parts, say
from workbench.reports.look import Look
from workbench.reports.sanitise import sanitise

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

__all__ = ["Heading", "page", "shell"]

STYLESHEET = Path(__file__).with_name("page.css")
FONT = Path(__file__).with_name("fonts") / "Inter.woff2"
BODY = Path(__file__).with_name("body.html.j2")

# The order in which an output with several forms is shown. JavaScript, widgets, and SVG as markup are not in it.
SHOWN = ["text/html", "text/markdown", "image/png", "image/jpeg", "text/plain"]


@dataclass(frozen=True)
class Heading:
    """What stands at the head of a page.

    Attributes:
        client: the client's title.
        title: the report's.
        notes: short facts, such as when it was made.
        look: the client's logo and colour.
    """

    client: str
    title: str
    notes: tuple[str, ...] = ()
    look: Look = field(default_factory=Look)


def page(notebook: NotebookNode, heading: Heading) -> str:
    """The page: head, table of contents, and one section for each heading of the second level.

    Whatever the notebook's outputs hold passes :func:`sanitise`; the shell around it has fixed text, and the client's
    words, escaped.
    """
    body = sanitise(_body(_translated(notebook, heading.look.locale)))
    # Of a picture without a description, a screen reader would read out its source.
    body = re.sub(r"<img(?![^>]* alt=)", '<img alt=""', body)
    # A number and its sign stay on one line, and so do a sign and its word.
    body = re.sub(r"(?<=\d) (?=%)|(?<=[✓✗▲▼]) ", "\N{NO-BREAK SPACE}", body)
    return shell(heading, *_sections(body))


def shell(heading: Heading, lead: Html, sections: list[tuple[str, str, Html]]) -> str:
    """A page of parts that are safe: what stands before the sections, and each one's slug, title and content."""
    css = stylesheet() + heading.look.css
    contents = tag(
        "nav", tag("ol", *(tag("li", tag("a", text, href=f"#{slug}")) for slug, text, _ in sections)), class_="contents"
    )
    header = tag(
        "header",
        tag(
            "img",
            src=heading.look.logo,
            alt=say("Logo of {client}", client=heading.client, in_locale=heading.look.locale),
            class_="logo",
        )
        if heading.look.logo
        else None,
        paragraph(heading.client, class_="client"),
        tag("h1", heading.title),
        paragraph(" · ".join(heading.notes), class_="notes") if heading.notes else None,
        lead,
    )
    main = tag("main", header, *(tag("section", content, id=slug) for slug, _, content in sections))
    head = joined(
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(css)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<meta name="referrer" content="no-referrer">'),
        tag("title", f"{heading.title} · {heading.client}"),
        tag("style", Html(css)),
    )
    language = language_of(heading.look.locale)
    return f'<!doctype html>\n<html lang="{language}">\n<head>{head}</head>\n<body>{contents}{main}</body>\n</html>\n'


@cache
def stylesheet() -> str:
    """The style of all pages, with the font that they are set in: Inter, under the SIL Open Font License 1.1."""
    font = base64.b64encode(FONT.read_bytes()).decode()
    face = (
        f'@font-face{{font-family:"Inter";font-weight:400 700;src:url(data:font/woff2;base64,{font}) format("woff2")}}'
    )
    return f"{face}\n{STYLESHEET.read_text(encoding='utf-8')}"


def _policy(css: str) -> str:
    """Nothing may be loaded, run or sent: only this stylesheet, by its digest, and what lies inside the page."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    inside = "img-src data:; font-src data:"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {inside}; base-uri 'none'; form-action 'none'"


def _translated(notebook: NotebookNode, locale: str) -> NotebookNode:
    """The same notebook with the words of its Markdown in the page's language."""
    if language_of(locale) == "en":
        return notebook
    from copy import deepcopy

    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for part in markdown_parts(cell.source):
                cell.source = cell.source.replace(part, say(part, in_locale=locale))
    return notebook


def _body(notebook: NotebookNode) -> str:
    body: str = _exporter().from_notebook_node(notebook)[0]
    return body


@cache
def _exporter() -> HTMLExporter:
    """One for all pages of a process: it compiles its templates for the first."""
    from nbconvert import HTMLExporter
    from nbconvert.exporters.templateexporter import TemplateExporter
    from traitlets.config import Config

    class Exporter(HTMLExporter):
        """Without the last step, which reads the page again to mark the cells of Jupyter's own templates."""

        def from_notebook_node(self, nb: Any, resources: Any = None, **options: Any) -> Any:
            return TemplateExporter.from_notebook_node(self, nb, resources, **options)

    config = Config({"NbConvertBase": {"display_data_priority": SHOWN}})
    return Exporter(  # type: ignore[no-untyped-call]
        config=config,
        raw_template=BODY.read_text(encoding="utf-8"),
        exclude_anchor_links=True,
        optimistic_validation=True,  # once, and not after each of its twelve steps: a fifth of the time of a page
    )


def _sections(body: str) -> tuple[Html, list[tuple[str, str, Html]]]:
    """What stands before the first section, and the sections: (slug, text of the heading, content)."""
    lead, *rest = re.split(r"(?=<h2>)", re.sub(r"<h1>.*?</h1>", "", body, flags=re.DOTALL))
    sections: list[tuple[str, str, Html]] = []
    for content in rest:
        match = re.match(r"<h2>(.*?)</h2>", content, flags=re.DOTALL)
        text = _plain(match[1]) if match else ""
        slug = _slug(text)
        while any(slug == other for other, _, _ in sections):
            slug += "-2"
        sections.append((slug, text, Html(content)))
    return Html(lead), sections


def _plain(markup: str) -> str:
    import html

    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


def _slug(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-") or "section"
