"""Lines as small as a word, and one as wide as a page: inline SVG, coloured by the page's own style sheet."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from workbench.fleet.trends import Point
from workbench.ui.words import short

__all__ = ["chart", "spark"]

WIDTH, HEIGHT, EDGE = 46, 17, 2.5
_DOT = Markup('<circle cx="{x}" cy="{y}" r="{r}" class="{kind}"><title>run {n}: {v}{note}</title></circle>')
CHART_WIDTH, CHART_HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 430, 132, 52, 8, 12, 24


def spark(points: Sequence[Point], words: str) -> Markup:
    """The values from left to right, the last with a dot; nothing of a single one.

    Args:
        points: oldest first.
        words: what they are, for those who do not see it.
    """
    if len(points) < 2:
        return Markup()
    places = _places(points, (EDGE, WIDTH - EDGE), (EDGE, HEIGHT - EDGE))
    x, y = places[-1]
    return Markup(
        '<svg class="spark" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
        '<title>{words}</title><polyline points="{line}"/><circle cx="{x}" cy="{y}" r="1.9"/></svg>'
    ).format(w=WIDTH, h=HEIGHT, words=words, line=_line(places), x=f"{x:.1f}", y=f"{y:.1f}")


def chart(points: Sequence[Point], words: str, *, unit: str = "") -> Markup:
    """The same with an axis, a dot a run, and a ring where a run found another champion than the one before it."""
    if not points:
        return Markup()
    across, down = (LEFT, CHART_WIDTH - RIGHT), (TOP, CHART_HEIGHT - BOTTOM)
    places = _places(points, across, down)
    low, high = min(point.value for point in points), max(point.value for point in points)
    marks = [(high, TOP), (low, CHART_HEIGHT - BOTTOM)] if high > low else [(low, (TOP + CHART_HEIGHT - BOTTOM) / 2)]
    axis = Markup().join(
        Markup(
            '<line class="grid" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/><text x="{t}" y="{ty}" class="end">{v}</text>'
        ).format(a=LEFT, b=CHART_WIDTH - RIGHT, y=y, t=LEFT - 8, ty=y + 4, v=short(value) + unit)
        for value, y in marks
    )
    dots, before = [], None
    for point, (x, y) in zip(points, places, strict=True):
        crowned = point.champion is not None and point.champion != before
        before = point.champion if point.champion is not None else before
        note = f", champion version {point.champion}" if point.champion is not None else ""
        dots.append(
            _DOT.format(
                x=f"{x:.1f}", y=f"{y:.1f}", r=4.5 if crowned else 2.6, kind="crowned" if crowned else "dot",
                n=point.number, v=short(point.value) + unit, note=note,
            )
        )  # fmt: skip
    first, last = points[0].number, points[-1].number
    ends = (
        [(LEFT, "start", first), (CHART_WIDTH - RIGHT, "end", last)] if last > first else [(places[0][0], "end", last)]
    )
    names = Markup().join(
        Markup('<text x="{x}" y="{y}" class="{side}">run {n}</text>').format(x=x, y=CHART_HEIGHT - 6, side=side, n=n)
        for x, side, n in ends
    )
    return Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">{axis}{names}'
        '<polyline points="{line}"/>{dots}</svg>'
    ).format(
        w=CHART_WIDTH, h=CHART_HEIGHT, words=words, axis=axis, names=names, line=_line(places), dots=Markup().join(dots)
    )


def _places(
    points: Sequence[Point], across: tuple[float, float], down: tuple[float, float]
) -> list[tuple[float, float]]:
    values = [point.value for point in points]
    low, high = min(values), max(values)
    return [
        (
            across[0] + (across[1] - across[0]) * (i / (len(values) - 1) if len(values) > 1 else 1),
            down[0] + (down[1] - down[0]) * (0.5 if high == low else (high - value) / (high - low)),
        )
        for i, value in enumerate(values)
    ]


def _line(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
