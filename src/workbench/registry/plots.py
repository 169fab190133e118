"""Two small plots for the run's page. Drawn without pyplot, so nothing global is touched and no display is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

__all__ = ["calibration", "importance"]

INK, BLUE, GREY = "#22272e", "#2f6fde", "#9aa4b1"
MOST_FEATURES = 20


def calibration(table: pa.Table, path: Path) -> None:
    """Observed against predicted, a point a bin; the diagonal is what a calibrated model has."""
    with _svg(path, 4.2, 4.2) as axes:
        predicted, observed = table.column("predicted").to_pylist(), table.column("observed").to_pylist()
        ends = [min([*predicted, *observed], default=0.0), max([*predicted, *observed], default=1.0)]
        axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
        axes.plot(predicted, observed, color=BLUE, marker="o", markersize=4, linewidth=1.2)
        axes.set(xlabel="predicted", ylabel="observed", title="Calibration on held-out rows")


def importance(table: pa.Table, path: Path) -> None:
    """What is lost of the primary metric when a column is shuffled: the most important ones, with their spread."""
    rows = sorted(table.to_pylist(), key=lambda row: row["importance"], reverse=True)[:MOST_FEATURES][::-1]
    with _svg(path, 6.4, 0.9 + 0.24 * max(len(rows), 2)) as axes:
        axes.barh(
            [row["feature"] for row in rows],
            [row["importance"] for row in rows],
            xerr=[row["std"] or 0.0 for row in rows],
            color=BLUE,
            error_kw={"ecolor": INK, "elinewidth": 0.8},
            height=0.65,
        )
        axes.set(xlabel="loss of the metric when shuffled", title="Permutation importance")


@contextmanager
def _svg(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Axes of a figure (inches) that becomes an SVG file, the same bytes for the same plot."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "workbench", "font.size": 9, "axes.edgecolor": GREY}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        yield axes
        figure.savefig(path, format="svg", metadata={"Date": None})
