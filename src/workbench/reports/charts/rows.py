"""What charts with one name a row share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.reports.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["name_rows"]


def name_rows(ax: Axes, names: Sequence[object], longest: int = 34) -> None:
    """Names at the left, the first one on top, no lines between them."""
    ax.set_yticks(range(len(names)), [_short(str(name), longest) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", labelcolor=INK, length=0)
    ax.grid(visible=False, axis="y")


def _short(text: str, longest: int) -> str:
    # A dollar sign would start mathematics.
    text = text.replace("$", r"\$")
    return text if len(text) <= longest else text[: longest - 1] + "…"
