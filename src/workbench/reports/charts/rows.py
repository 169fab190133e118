"""What charts with one name a row share, and those with a legend above their bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.reports.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["leave_room", "name_rows"]


def name_rows(ax: Axes, names: Sequence[object], longest: int = 34) -> None:
    """Names at the left, the first one on top, no lines between them."""
    ax.set_yticks(range(len(names)), [_short(str(name), longest) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", labelcolor=INK, length=0)
    ax.grid(visible=False, axis="y")


def leave_room(ax: Axes) -> None:
    """Above the bars, for the legend; but no share is more than all rows."""
    ax.set_ylim(0, 1.25 * ax.get_ylim()[1])
    ax.set_yticks([tick for tick in ax.get_yticks() if tick <= min(100, ax.get_ylim()[1])])


def _short(text: str, longest: int) -> str:
    # A dollar sign would start mathematics.
    text = text.replace("$", r"\$")
    return text if len(text) <= longest else text[: longest - 1] + "…"
