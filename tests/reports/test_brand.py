"""A client's logo, colour and locale on its pages."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from workbench.clients.brand import Brand
from workbench.clients.logo import logo_source
from workbench.errors import ConfigurationError
from workbench.reports import localise
from workbench.reports.locale import day, moment
from workbench.reports.look import look_of
from workbench.reports.page import Heading, page
from workbench.reports.words import count, number, percent


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(*extra: bytes, width: int = 1) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def content_of(source: str) -> bytes:
    return base64.b64decode(source.partition(",")[2])


def test_a_png_keeps_the_picture_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(png(chunk(b"tEXt", b"Author\0somebody"), chunk(b"eXIf", b"place")) + b"<script>trailing</script>")
    source = logo_source(path)
    assert source.startswith("data:image/png;base64,")
    assert content_of(source) == png()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GIF89a", "not a PNG"),
        (png()[:-6], "damaged"),
        (png().replace(b"IDAT", b"IDAU"), "damaged"),
        (png(width=5000), "4096 pixels"),
        (b"x" * 300_000, "may have 200,000 bytes"),
    ],
)
def test_what_is_no_png_is_refused(tmp_path: Path, content, said) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        logo_source(path)


def test_an_svg_keeps_shapes_and_nothing_that_runs_or_fetches(tmp_path: Path) -> None:
    path = tmp_path / "logo.svg"
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" onload="a()">'
        "<script>alert(1)</script><style>@import url(http://evil.example)</style><foreignObject><p/></foreignObject>"
        '<image xlink:href="http://evil.example/x.png"/><use href="#x"/><a href="javascript:a()"><rect width="1"/></a>'
        '<rect width="9" height="9" fill="url(http://evil.example#x)" style="fill:url(http://evil.example)"/>'
        '<defs><linearGradient id="g"><stop offset="0" stop-color="#f00"/></linearGradient></defs>'
        '<path d="M0 0L9 9" fill="url(#g)" onclick="a()"/></svg>'
    )
    kept = content_of(logo_source(path)).decode()
    for bad in ("script", "style", "evil", "href", "foreign", "onload", "onclick", "image", "use", "java"):
        assert bad not in kept, kept
    for good in ('d="M0 0L9 9"', 'fill="url(#g)"', 'viewBox="0 0 9 9"', 'stop-color="#f00"', 'height="9"'):
        assert good in kept, kept


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>', "document type"),
        ("<svg/>", "not an SVG"),
        ("<html/>", "not an SVG"),
        ("<svg", "not an SVG"),
    ],
)
def test_what_is_no_svg_is_refused(tmp_path: Path, text, said) -> None:
    path = tmp_path / "logo.svg"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        logo_source(path)


def test_a_logo_that_is_a_link_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(png())
    (tmp_path / "logo.png").symlink_to(tmp_path / "real.png")
    for name in ("logo.png", "none.png"):
        with pytest.raises(ConfigurationError, match="no such logo"):
            logo_source(tmp_path / name)


def test_the_page_wears_logo_and_colour(acme, tmp_path: Path) -> None:
    folder = tmp_path / "conf" / "clients" / "acme"
    folder.mkdir(parents=True)
    (folder / "client.yml").write_text("")
    (folder / "logo.png").write_bytes(png())
    client = acme.model_copy(update={"brand": Brand(logo="logo.png", accent="#8a1538")})
    html = page(nbformat.v4.new_notebook(), Heading("Acme & Co", "Weekly", look=look_of(tmp_path, client)))
    assert '<img src="data:image/png;base64,' in html
    assert 'alt="Logo of Acme &amp; Co"' in html
    assert "--accent: #8a1538" in html
    digest = html.split("sha256-")[1].split("'")[0]
    import hashlib

    css = html.split("<style>")[1].split("</style>")[0]
    assert base64.b64encode(hashlib.sha256(css.encode()).digest()).decode() == digest, "the policy allows this style"
    assert look_of(tmp_path, None).css == ""


@pytest.fixture
def written(acme) -> Iterator:
    """Writes as a locale has it, and as before afterwards."""
    yield lambda locale: localise(acme.model_copy(update={"brand": Brand(locale=locale)}))
    localise(None)


NARROW, THIN = "\N{NARROW NO-BREAK SPACE}", "\N{RIGHT SINGLE QUOTATION MARK}"


@pytest.mark.parametrize(
    ("locale", "numbers", "date"),
    [
        ("en", ("1,234,567", "0.0421", "12.5 %", "<0.1 %"), "5 March 2024"),
        ("de", ("1.234.567", "0,0421", "12,5 %", "<0,1 %"), "5. März 2024"),
        ("de_CH", (f"1{THIN}234{THIN}567", "0.0421", "12.5 %", "<0.1 %"), "5. März 2024"),
        ("fr", (f"1{NARROW}234{NARROW}567", "0,0421", "12,5 %", "<0,1 %"), "5 mars 2024"),
        ("en_IN", ("12,34,567", "0.0421", "12.5 %", "<0.1 %"), "5 March 2024"),
    ],
)
def test_numbers_and_dates_are_written_as_the_locale_has_it(written, locale, numbers, date) -> None:
    written(locale)
    assert (count(1_234_567), number(0.0421), percent(0.125), percent(1e-6)) == numbers
    when = datetime(2024, 3, 5, 6, 7, tzinfo=UTC)
    assert day(when) == date
    assert moment(when) == f"{date}, 06:07"
    assert number(7.0) == ("7,00" if "," in numbers[1] else "7.00"), "digits stay"
