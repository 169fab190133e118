"""What a client's brand makes of a page: its logo, and its colour on white and on black paper."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path

from workbench.clients import Client, ClientRegistry
from workbench.clients.brand import BLACK_PAPER, ENOUGH, contrast
from workbench.clients.logo import logo_source

__all__ = ["Look", "look_of"]


@dataclass(frozen=True)
class Look:
    """A page's own.

    Attributes:
        css: what stands after the style sheet of all pages.
        logo: a ``data:`` address, or nothing.
        locale: how the page writes dates.
    """

    css: str = ""
    logo: str = ""
    locale: str = "en"


def look_of(project: Path, client: Client | None) -> Look:
    """A client's look; the plain one for a page on the whole fleet.

    Raises:
        ConfigurationError: the logo is not a picture, or not there.
    """
    if client is None:
        return Look()
    brand = client.brand
    logo = logo_source(ClientRegistry(project).folder(client.id) / brand.logo) if brand.logo else ""
    css = ""
    if brand.accent:
        dark = _lightened(brand.accent)
        css = (
            f":root {{ --accent: {brand.accent}; }}\n"
            f"@media screen and (prefers-color-scheme: dark) {{ :root {{ --accent: {dark}; }} }}\n"
        )
    return Look(css, logo, brand.locale)


def _lightened(colour: str) -> str:
    """The same hue, as light as it must be to be read on black paper."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    while contrast(colour, BLACK_PAPER) < ENOUGH and lightness < 1:
        lightness = min(1.0, lightness + 0.02)
        channels = (round(255 * channel) for channel in colorsys.hls_to_rgb(hue, lightness, saturation))
        colour = "#" + "".join(f"{channel:02x}" for channel in channels)
    return colour
