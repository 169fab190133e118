"""Small plots for the run's page. Drawn without pyplot, so nothing global is touched and no display is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

__all__ = ["calibration", "importance", "parallel_coordinates"]

INK, BLUE, GREY = "#22272e", "#2f6fde", "#9aa4b1"
MOST_FEATURES = 20
NO_SETTING = ("trial", "state", "validation_loss", "epochs", "seconds", "best")


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


def parallel_coordinates(table: pa.Table, path: Path) -> None:
    """A line a trial of a search, across an axis a setting to its loss; the best in blue, dotted what was given up.

    Inselberg: "The plane with parallel coordinates", The Visual Computer 1985. Each axis goes from the lowest to the
    highest value that was tried, ranks of the trials apart from each other, so that neither a logarithmic setting nor
    one loss far off hides the rest.

    Args:
        table: as the dataset ``tuning`` holds it.
        path: of the SVG file.
    """
    rows = [row for row in table.to_pylist() if row["validation_loss"] is not None and row["learning_rate"] is not None]
    settings = [name for name in table.column_names if name not in NO_SETTING]
    axes_of = {name: sorted({row[name] for row in rows}) for name in [*settings, "validation_loss"]}
    with _svg(path, 1.2 + 1.1 * len(axes_of), 3.4) as axes:
        for row in sorted(rows, key=lambda row: row["best"]):
            heights = [_rank(axis, row[name]) for name, axis in axes_of.items()]
            style: dict[str, Any] = (
                {"color": BLUE, "linewidth": 2.0} if row["best"] else {"color": GREY, "linewidth": 0.8}
            )
            axes.plot(range(len(heights)), heights, linestyle=":" if row["state"] == "pruned" else "-", **style)
        for at, axis in enumerate(axes_of.values()):
            axes.axvline(at, color=INK, linewidth=0.8)
            for height, value in ((0.0, axis[0]), (1.0, axis[-1])):
                offset, side = (-4, "top") if height == 0 else (4, "bottom")
                axes.annotate(
                    f"{value:.4g}", (at, height), (0, offset), textcoords="offset points", ha="center", va=side
                )
        axes.set_xticks(range(len(axes_of)), [name.replace("_", " ") for name in axes_of])
        axes.set_yticks([])
        axes.set(ylim=(-0.15, 1.15), title=f"{len(rows)} trials; lower is better")


def _rank(axis: list[float], value: float) -> float:
    """From 0 for the lowest value that was tried to 1 for the highest."""
    return axis.index(value) / (len(axis) - 1) if len(axis) > 1 else 0.5


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
