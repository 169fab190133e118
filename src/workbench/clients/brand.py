"""How a client's reports look: a logo, a colour, and how numbers and dates are written."""

from __future__ import annotations

import re
from contextlib import suppress

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["BLACK_PAPER", "ENOUGH", "WHITE_PAPER", "Brand", "contrast"]

WHITE_PAPER, BLACK_PAPER = "#ffffff", "#12161b"
"""The two papers of a report; see reports/page.css."""

ENOUGH = 4.5
"""The contrast that text needs (WCAG 2.2, success criterion 1.4.3, level AA)."""


class Brand(BaseModel):
    """What a client's reports wear."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    logo: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.(png|svg)$",
        description="A PNG or SVG file beside this one; it becomes part of each page.",
    )
    accent: str | None = Field(
        None,
        pattern=r"^#[0-9a-fA-F]{6}$",
        description="Colour of the client's name, of links and of lines: #rrggbb, readable on white.",
    )
    locale: str = Field(
        "en",
        description="Language (English, German or French), and how numbers and dates are written: de_CH, fr.",
    )

    @field_validator("accent")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None and contrast(value, WHITE_PAPER) < ENOUGH:
            found = contrast(value, WHITE_PAPER)
            raise ValueError(
                f"'{value}' on white has a contrast of {found:.1f}, and text needs {ENOUGH}; take a darker one"
            )
        return value

    @field_validator("locale")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "en":
            return value  # Babel is not imported for what most clients have
        from babel import Locale, UnknownLocaleError

        if re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,2}", value):
            with suppress(UnknownLocaleError, ValueError):
                return str(Locale.parse(value.replace("-", "_")))
        raise ValueError(f"'{value[:40]}' is not a locale, such as de_CH or en_GB")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours ``#rrggbb``, 1 to 21 (WCAG 2.2, "contrast ratio" and "relative luminance")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
