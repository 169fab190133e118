"""A line as small as a word."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from workbench.reports.html import Html, tag
from workbench.reports.style import BLUE, on_black

__all__ = ["spark"]

WIDTH, HEIGHT, EDGE = 110, 26, 4


def spark(values: Sequence[float], alt: str) -> Html:
    """The values from left to right, the last with a dot.

    Args:
        values: at least one.
        alt: what they are, in words.
    """
    low, high = min(values), max(values)
    points = [
        (
            EDGE + (WIDTH - 2 * EDGE) * (i / (len(values) - 1) if len(values) > 1 else 1),
            EDGE + (HEIGHT - 2 * EDGE) * (0.5 if high == low else (high - value) / (high - low)),
        )
        for i, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"<style>:root{{--c:{BLUE}}}@media (prefers-color-scheme:dark){{:root{{--c:{on_black(BLUE)}}}}}</style>"
        f'<polyline points="{line}" fill="none" stroke="var(--c)" stroke-width="1.6"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="var(--c)"/></svg>'
    )
    source = base64.b64encode(svg.encode()).decode()
    return tag("img", src=f"data:image/svg+xml;base64,{source}", alt=alt, width=WIDTH, height=HEIGHT)
