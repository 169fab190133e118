"""Where the axes of a chart lie: as large as they can be beside what is written around them.

Matplotlib's constrained layout finds the same places, for any grid of axes. It measures each tick label four times, and
looks for the ticks twelve times, because a label may be anywhere; that was two fifths of the time of a chart. Here axes
stand in one row, with their labels at the left and below, so each is measured once: the vertical axes first, because
their names take most of the room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

__all__ = ["arrange"]

PAD = 3.0
"""Points between what is written and the edge of the picture, or the next axes."""

CLOSE = 0.04
"""How much other than they were when they were measured axes may be: less hardly changes their ticks."""

ROUNDS = 3

SMALLEST = 0.1
"""Share of the picture that axes have whatever is written around them; longer names are cut off at its edge."""


@dataclass
class _Room:
    """Points around axes, and from them to their two labels."""

    left: float = 0.0
    right: float = 0.0
    below: float = 0.0
    above: float = 0.0
    to_x_label: float = 0.0
    to_y_label: float = 0.0

    def hold(self, ax: Axes, box: Bbox | None) -> None:
        """Be large enough for what lies there."""
        if box is not None and (box.width or box.height) and all(map(math.isfinite, box.extents)):
            self.left, self.right = max(self.left, ax.bbox.x0 - box.x0), max(self.right, box.x1 - ax.bbox.x1)
            self.below, self.above = max(self.below, ax.bbox.y0 - box.y0), max(self.above, box.y1 - ax.bbox.y1)


def arrange(figure: Figure, renderer: Any) -> None:
    """Place the axes of a figure, and their labels.

    Args:
        figure: of 72 dots an inch, so that a dot is a point; its axes stand in one row.
        renderer: what is to draw it.
    """
    row = figure.axes
    rooms = [_guess(ax) for ax in row]
    _place(figure, rooms)
    for _ in range(ROUNDS):
        height = row[0].bbox.height
        found = [_vertical(ax, renderer) for ax in row]
        _place(figure, [replace(room, left=one.left) for room, one in zip(rooms, found, strict=True)])
        width = row[0].bbox.width
        for ax, room in zip(row, found, strict=True):
            _rest(ax, room, renderer)
        rooms = found
        _place(figure, rooms)
        if abs(row[0].bbox.height / height - 1) <= CLOSE and abs(row[0].bbox.width / width - 1) <= CLOSE:
            break
    for ax, room in zip(row, rooms, strict=True):
        ax.xaxis.set_label_coords(0.5, -room.to_x_label / ax.bbox.height)
        ax.yaxis.set_label_coords(-room.to_y_label / ax.bbox.width, 0.5)


def _guess(ax: Axes) -> _Room:
    """What most charts need; a good guess saves a round."""
    titled = any(ax.get_title(place) for place in ("left", "center", "right"))
    return _Room(left=36.0, below=35.0 if ax.get_xlabel() else 16.0, above=17.0 if titled else 0.0)


def _place(figure: Figure, rooms: list[_Room]) -> None:
    """All axes as wide as each other, and as high."""
    width, height = figure.bbox.size
    wide = max(SMALLEST * width, width - sum(room.left + room.right + 2 * PAD for room in rooms)) / len(rooms)
    below, above = PAD + max(room.below for room in rooms), PAD + max(room.above for room in rooms)
    high = max(SMALLEST * height, height - below - above)
    x = 0.0
    for ax, room in zip(figure.axes, rooms, strict=True):
        x += PAD + room.left
        ax.set_position((x / width, below / height, wide / width, high / height))
        x += wide + room.right + PAD


def _vertical(ax: Axes, renderer: Any) -> _Room:
    """The room that the vertical axis needs."""
    room = _Room()
    room.hold(ax, _ticks(ax.yaxis, renderer))
    room.to_y_label = room.left + ax.yaxis.labelpad
    room.left += _wide(ax.yaxis.label, ax.yaxis.labelpad, renderer)
    room.hold(ax, _power(ax.yaxis, renderer))
    return room


def _rest(ax: Axes, room: _Room, renderer: Any) -> None:
    """Enlarge it to what the horizontal axis needs, the titles, the legend, and all that is written beside the axes."""
    from matplotlib.spines import Spine
    from matplotlib.text import Text

    box = _ticks(ax.xaxis, renderer)
    ticks = 0.0 if box is None else max(0.0, ax.bbox.y0 - box.y0)
    room.hold(ax, box)
    room.to_x_label = ticks + ax.xaxis.labelpad
    room.hold(ax, _power(ax.xaxis, renderer))
    room.below = max(room.below, ticks + _high(ax.xaxis.label, ax.xaxis.labelpad, renderer))
    for artist in ax.get_default_bbox_extra_artists():
        if not isinstance(artist, Spine):
            room.hold(ax, artist.get_tightbbox(renderer))
    power = _power(ax.yaxis, renderer)
    base = ax.bbox.y1 if power is None else power.y1  # a title stands above it
    for title in ax.get_children():
        if isinstance(title, Text) and title.get_text() and title not in ax.texts:
            room.above = max(room.above, title.get_window_extent(renderer).y1 + base - 2 * ax.bbox.y1)


def _ticks(axis: Axis, renderer: Any) -> Bbox | None:
    """What the labels of the ticks take."""
    axis.set_label_coords(0.5, 0.5)  # else Matplotlib measures all ticks, to find where it belongs
    beside = (axis.label, axis.get_offset_text())
    for text in beside:
        text.set_visible(False)
    box: Bbox | None = axis.get_tightbbox(renderer)
    for text in beside:
        text.set_visible(True)
    return box


def _power(axis: Axis, renderer: Any) -> Bbox | None:
    """Where the power of ten stands, or the year, that belongs to all ticks; known when these were looked for."""
    text = axis.get_offset_text()
    return text.get_window_extent(renderer) if text.get_text() else None


def _high(text: Text, pad: float, renderer: Any) -> float:
    return pad + text.get_window_extent(renderer).height if text.get_text() else 0.0


def _wide(text: Text, pad: float, renderer: Any) -> float:
    return pad + text.get_window_extent(renderer).width if text.get_text() else 0.0
