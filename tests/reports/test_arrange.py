"""Axes lie where Matplotlib's constrained layout would put them, and nothing that is written is cut off."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure

from workbench.reports.arrange import PAD, arrange
from workbench.reports.charts.rows import name_rows
from workbench.reports.style import STYLE, picture


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    """They are looked for when the first chart is drawn."""
    with picture(alt="x"):
        pass


def rows(row) -> None:
    row[0].barh(range(3), [1, 2, 3])
    row[0].annotate("a number at the end", (3, 1), (5, 0), textcoords="offset points")
    row[0].set_xlabel("x")
    name_rows(row[0], ["short", "a name that is long", "and one that is longer still"])


def small(row) -> None:
    row[0].plot([1, 1.00001], [0, 1e-5])
    row[0].set(ylabel="y", title="Powers of ten on both axes")


def large(row) -> None:
    row[0].plot([0, 3e9], [0, 7e12])
    row[0].set(xlabel="x", ylabel="y")


def aslant(row) -> None:
    row[0].bar(range(9), range(9))
    row[0].set_xticks(range(9), ["a name of a bin"] * 9, rotation=30, ha="right")
    row[0].set_ylabel("y")


def outside(row) -> None:
    row[0].plot([1, 2], label="a line")
    row[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0))


def bare(row) -> None:
    row[0].plot([1, 2])
    row[0].set(xticks=[], yticks=[])


def two(row) -> None:
    row[0].plot([0, 123456], label="a line")
    row[1].plot([0, 1])
    row[0].set(xlabel="x", ylabel="y", title="Left")
    row[1].set(ylabel="one\nand two lines", title="Right")


CHARTS = {"rows": rows, "small": small, "large": large, "aslant": aslant, "outside": outside, "bare": bare, "two": two}


def drawn(chart: str, layout: str | None):
    """A figure, laid out by Matplotlib or here."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.6, 2.5), layout=layout)
        FigureCanvasSVG(figure)
        CHARTS[chart](figure.subplots(1, 2 if chart == "two" else 1, squeeze=False)[0])
        renderer = RendererSVG(*figure.bbox.size, io.StringIO())
        if layout is None:
            arrange(figure, renderer)
        figure.draw(renderer)
    return figure, renderer


@pytest.mark.parametrize("chart", CHARTS)
def test_axes_and_labels_lie_where_constrained_layout_puts_them(chart) -> None:
    (ours, renderer), (theirs, other) = drawn(chart, None), drawn(chart, "constrained")
    for ax, peer in zip(ours.axes, theirs.axes, strict=True):
        assert ax.bbox.extents == pytest.approx(peer.bbox.extents, abs=1)
        for axis, twin in zip((ax.xaxis, ax.yaxis), (peer.xaxis, peer.yaxis), strict=True):
            if axis.label.get_text():
                place = axis.label.get_window_extent(renderer).extents
                assert place == pytest.approx(twin.label.get_window_extent(other).extents, abs=1)


@pytest.mark.parametrize("chart", CHARTS)
def test_nothing_is_cut_off_or_lies_upon_its_neighbour(chart) -> None:
    figure, renderer = drawn(chart, None)
    boxes = [ax.get_tightbbox(renderer, for_layout_only=True) for ax in figure.axes]
    for box in boxes:
        assert min(box.x0, box.y0) > PAD - 1
        assert box.x1 < figure.bbox.x1 - PAD + 1
        assert box.y1 < figure.bbox.y1 - PAD + 1
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_names_longer_than_the_picture_leave_axes_upright(monkeypatch) -> None:
    def long(row) -> None:
        row[0].barh(range(2), [1, 2])
        row[0].set_yticks(range(2), ["a name " * 30] * 2)
        row[0].set_xticks([0, 1], ["a name " * 30] * 2, rotation=90)

    monkeypatch.setitem(CHARTS, "long", long)
    (ax,) = drawn("long", None)[0].axes
    assert ax.bbox.width > 0
    assert ax.bbox.height > 0
