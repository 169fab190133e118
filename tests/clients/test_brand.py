"""A client's brand: readable, known, and nothing but a name of a picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.clients.brand import BLACK_PAPER, ENOUGH, WHITE_PAPER, Brand, contrast
from workbench.reports.look import _lightened

colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01), "the well-known grey that just fails"


@given(colours)
def test_an_accent_is_readable_on_both_papers_or_refused(colour) -> None:
    if contrast(colour, WHITE_PAPER) < ENOUGH:
        with pytest.raises(ValidationError, match="take a darker one"):
            Brand(accent=colour)
    else:
        assert Brand(accent=colour).accent == colour
    assert contrast(_lightened(colour), BLACK_PAPER) >= ENOUGH


@pytest.mark.parametrize(
    "logo", ["../logo.png", "/etc/logo.png", "logo.gif", "a/b.svg", ".svg", "logo.png\n", "x" * 70 + ".png"]
)
def test_a_logo_is_the_name_of_a_picture_beside_the_file(logo) -> None:
    with pytest.raises(ValidationError):
        Brand(logo=logo)


@pytest.mark.parametrize(("given", "kept"), [("de-CH", "de_CH"), ("fr", "fr"), ("en", "en"), ("en_GB", "en_GB")])
def test_a_locale_is_one_that_babel_knows(given, kept) -> None:
    assert Brand(locale=given).locale == kept
    for wrong in ("xx_YY", "", "de_CH; import os", "../de"):
        with pytest.raises(ValidationError, match="is not a locale"):
            Brand(locale=wrong)


def test_a_colour_is_hexadecimal_and_nothing_else() -> None:
    for wrong in ("red", "#123", "#0072b2; } body { display: none", "url(x)"):
        with pytest.raises(ValidationError):
            Brand(accent=wrong)
