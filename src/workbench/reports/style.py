"""How every chart of a report looks: colours, type, and SVG that is readable on paper, on white and on black.

The colours are those of Okabe and Ito ("Color universal design", 2008), which people with any kind of colour vision
can tell apart; the network is always blue, gradient boosting orange, the guess grey. A chart is SVG inside an ``img``:
it needs no script, has an alternative text, and follows the reader's light or dark setting, because its neutral colours
are CSS variables. Its letters are outlines of Inter, the font of the pages: a picture may load no font, and what
Matplotlib has measured is what is seen.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.reports.arrange import arrange
from workbench.reports.html import Html, tag
from workbench.reports.locale import decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BLUE", "GREY", "INK", "MUTED", "ORANGE", "PAPER", "RUST", "VERMILLION", "Picture", "on_black", "picture"]

BLUE, ORANGE, VERMILLION, GREY, RUST = "#0072b2", "#e69f00", "#d55e00", "#8c959f", "#913108"
INK, MUTED, GRID = "#1f2933", "#5c6773", "#dfe3e8"
PAPER = "#fffffe"
"""What a chart lies on; "white" is what stays white on a dark page."""

_ON_BLACK = {
    INK: "#e8ebef", MUTED: "#a7b0ba", GRID: "#3a424c", BLUE: "#4ba3db", GREY: "#8c959f", RUST: "#c33622",
    PAPER: "#12161b",
}  # fmt: skip


def on_black(colour: str) -> str:
    """The colour that takes the place of one on a dark page."""
    return _ON_BLACK.get(colour, colour)


STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    # SVG as Matplotlib writes it: a dot is a point.
    "figure.dpi": 72,
    "figure.facecolor": "none",
    # The second for scripts that the first has not. Of "sans-serif", Matplotlib takes one font and no other.
    "font.family": ["Inter", "DejaVu Sans"],
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    # No line of the grid passes through the words of a legend.
    "legend.borderpad": 0.2,
    "legend.edgecolor": "none",
    "legend.facecolor": PAPER,
    "legend.fancybox": False,
    "legend.framealpha": 1.0,
    "lines.linewidth": 2,
    "svg.fonttype": "path",
    "svg.hashsalt": "workbench",
    "text.color": INK,
    "xtick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.color": GRID,
    "ytick.labelcolor": MUTED,
}

FONTS = Path(__file__).with_name("fonts")

WIDTH = 7.6
"""Inches; the text column of a report is as wide."""


class Picture:
    """A chart that is being drawn; ``html`` is there once the block of :func:`picture` has ended."""

    html: Html

    def __init__(self, axes: list[Axes]) -> None:
        self.axes = axes


@contextmanager
def picture(
    *, alt: str, caption: str = "", height: float = 3.0, columns: int = 1, **subplots: Any
) -> Iterator[Picture]:
    """Axes to draw on, in the style of reports.

    Args:
        alt: what the chart shows, with its numbers, for those who do not see it.
        caption: how to read it; stands under the chart.
        height: inches.
        columns: how many axes stand side by side.
        subplots: further arguments of ``Figure.subplots``.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
    from matplotlib.figure import Figure

    _know_fonts()
    with rc_context(STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        drawn = Picture(list(figure.subplots(1, columns, squeeze=False, **subplots)[0]))
        _count_as_written(drawn.axes)
        yield drawn
        # What `savefig` does, with one renderer: it knows how wide a text is when that is drawn where it was measured.
        stream = io.StringIO()
        renderer = RendererSVG(*figure.bbox.size, stream, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
        arrange(figure, renderer)
        figure.draw(renderer)
        renderer.finalize()  # type: ignore[no-untyped-call]
    source = base64.b64encode(_themed(stream.getvalue()).encode()).decode()
    image = tag("img", src=f"data:image/svg+xml;base64,{source}", alt=alt)
    drawn.html = tag("figure", image, tag("figcaption", caption) if caption else None)


def _count_as_written(axes: list[Axes]) -> None:
    """The numbers of an axis with the decimal point of the reader's language, as the words beside it have them."""
    point = decimal("0.5")[1]
    if point == ".":
        return
    from matplotlib.ticker import ScalarFormatter

    class Written(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return super().__call__(x, pos).replace(".", point)

    for ax in axes:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(Written())


@cache
def _know_fonts() -> None:
    from matplotlib.font_manager import fontManager

    for path in sorted(FONTS.glob("*.ttf")):
        fontManager.addfont(path)


def _themed(svg: str) -> str:
    """Turn the neutral colours into variables that know the reader's setting."""
    light, dark = [], []
    for number, (colour, on_black) in enumerate(_ON_BLACK.items()):
        svg = svg.replace(colour, f"var(--c{number})")
        light.append(f"--c{number}:{colour}")
        dark.append(f"--c{number}:{on_black}")
    style = f"<style>:root{{{';'.join(light)}}}@media (prefers-color-scheme:dark){{:root{{{';'.join(dark)}}}}}</style>"
    svg = re.sub(r"^.*?(?=<svg)", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    # A hundredth of a point is less than anybody sees; but by a scale all else is multiplied.
    svg = re.sub(r"scale\([^)]*\)|(\.\d\d)\d+", lambda match: match[1] or match[0], svg)
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><")
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, svg, count=1)
