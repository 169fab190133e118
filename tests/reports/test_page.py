"""The shell of a report: one file, no network, no script, sections that the table of contents leads to."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import nbformat
import pytest

from workbench.reports.page import FONT, Heading, page

HEADING = Heading("Acme & Co <i>", "Weekly <b>", ("Made today",))


@pytest.fixture(scope="module")
def html() -> str:
    output = nbformat.v4.new_output
    cells = [
        nbformat.v4.new_markdown_cell("# Weekly\n\nWhat it is."),
        nbformat.v4.new_code_cell("secret_code()", outputs=[output("stream", name="stderr", text="a warning")]),
        nbformat.v4.new_markdown_cell("## Über `this` & that\n\n<script>alert(1)</script>text"),
        nbformat.v4.new_code_cell(
            "x",
            outputs=[
                output("stream", name="stdout", text="\x1b[31m<b>printed</b>"),
                output("display_data", data={"application/javascript": "alert(2)", "text/plain": "instead"}),
                output("display_data", data={"image/svg+xml": "<svg onload='alert(3)'/>", "text/plain": "of svg"}),
                output("display_data", data={"image/png": "iVBORw0KGgo=\n", "text/plain": "<Figure>"}),
                output("display_data", data={"text/markdown": "*said*"}),
                output("execute_result", data={"text/html": "<p onclick='x()'>shown</p>", "text/plain": "hidden"}),
            ],
        ),
        nbformat.v4.new_markdown_cell("## Same"),
        nbformat.v4.new_markdown_cell("## Same"),
    ]
    return page(nbformat.v4.new_notebook(cells=cells), HEADING)


def test_code_and_standard_error_are_hidden_and_outputs_shown(html) -> None:
    for absent in ("secret_code", "a warning", "alert(", "onclick", "onload", "hidden", "&lt;Figure&gt;"):
        assert absent not in html, absent
    for present in ("&lt;b&gt;printed", "instead", "of svg", "<em>said</em>", "<p>shown</p>", "What it is."):
        assert present in html, present
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in html


def test_the_table_of_contents_leads_to_every_section(html) -> None:
    links = re.findall(r'<li><a href="#([^"]+)">(.*?)</a></li>', html)
    assert links == [("uber-this-that", "Über this &amp; that"), ("same", "Same"), ("same-2", "Same")]
    assert re.findall(r'<section id="([^"]+)">', html) == [slug for slug, _ in links]


def test_a_picture_without_a_description_is_not_read_out() -> None:
    source = "data:image/png;base64,iVBORw0KGgo="
    shown = [f"<p><img src='{source}'></p>", f"<img alt='a &gt; b' src='{source}'>"]
    outputs = [nbformat.v4.new_output("display_data", {"text/html": one}) for one in shown]
    made = page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)]), Heading("a", "b"))
    alts = re.findall(r'<img[^>]* alt="([^"]*)"', made)
    assert [alt.replace("&gt;", ">") for alt in alts] == ["", "a > b"]
    assert made.count("<img") == 2


def test_titles_are_text(html) -> None:
    assert "<h1>Weekly &lt;b&gt;</h1>" in html
    assert '<p class="client">Acme &amp; Co &lt;i&gt;</p>' in html
    assert "<title>Weekly &lt;b&gt; · Acme &amp; Co &lt;i&gt;</title>" in html


def test_the_policy_allows_this_stylesheet_and_nothing_else(html) -> None:
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; font-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    assert '<meta name="referrer" content="no-referrer">' in html
    assert html.index("Content-Security-Policy") < html.index("<style>"), "a policy holds for what comes after it"
    assert_self_contained(html)


def assert_self_contained(html: str) -> None:
    """No script, nothing loaded, nothing sent, every tag closed."""
    void = {"meta", "img", "br", "hr"}
    open_tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag not in {"script", "iframe", "link", "object", "embed", "form", "svg"}, tag
            assert "style" not in dict(attrs), "inline styles would need a laxer policy"
            for name, value in attrs:
                if name in {"src", "href", "srcset", "action", "data", "poster"}:
                    assert value.startswith(("data:image/", "#")), value
            if tag not in void:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    reader = Reader(convert_charrefs=False)
    reader.feed(html)
    assert open_tags == []
    assert set(re.findall(r"url\(([^,)]*)", html)) <= {"data:font/woff2;base64"}
    assert "@import" not in html


def test_the_font_lies_in_the_page_and_has_every_sign_that_reports_use(html) -> None:
    from fontTools.ttLib import TTFont

    (source,) = re.findall(r'src:url\(data:font/woff2;base64,([A-Za-z0-9+/=]+)\) format\("woff2"\)', html)
    assert len(source) < 40_000, "each page carries it"
    content = base64.b64decode(source)
    assert content == FONT.read_bytes()
    assert content[:4] == b"wOF2"
    for path in FONT.parent.glob("*.ttf"):
        known = TTFont(path).getBestCmap()
        missing = [sign for sign in "aZ09äßéœłž✓✗▲▼→≥≤−–—„“«»…·%\N{NO-BREAK SPACE}’" if ord(sign) not in known]
        assert not missing, path.name
    assert "SIL Open Font License" in (FONT.parent / "LICENSE.txt").read_text(encoding="utf-8")
