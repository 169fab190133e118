"""Charts: one self-contained picture each, the same bytes every time, with its numbers in words."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest

from workbench.reports import charts
from workbench.reports.charts.data import kept_rows, missing_shares, time_spans
from workbench.reports.estimates import Estimate
from workbench.reports.holdout import describe_errors, rank_curves
from workbench.reports.sanitise import sanitise
from workbench.reports.style import BLUE, GREY, ORANGE, VERMILLION, picture

RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 2, 500)
SCORE = np.clip(LABEL * 0.3 + RNG.random(500) * 0.7, 0, 1)
NUMBERS = RNG.normal(size=500)
CLASSES = [f"class {i}" for i in range(14)]
EVALUATION = {
    "task": "binary",
    "primary": "roc_auc",
    "models": {
        "network": {"roc_auc": {"value": 0.8, "low": 0.78, "high": 0.82}},
        "majority": {"roc_auc": {"value": 0.5, "low": None, "high": None}},
    },
}
HISTORY = [{"epoch": e, "train_loss": 1 / e, "validation_loss": 1 / e + 0.1 * abs(e - 5)} for e in range(1, 9)]
TABLES = {"a": {"read": 10, "kept": 9, "quarantined": 1, "quarantined_share": 0.1}}
HOSTILE = "$x^2$ <b> & a_column_with_a_name_that_is_much_too_long_for_any_chart"

TRUTH = np.array(CLASSES)[RNG.integers(0, 14, 90)]
SORTED = pa.table({"label": TRUTH, "network": np.eye(14)[np.ones(90, int)].tolist()})
RANKED = describe_errors(
    pa.table({"label": LABEL, "network": SCORE, "boosting": np.full(500, 0.5)}), {"task": "binary"}
)
GROUPS = [{"value": HOSTILE, "rows": 3, "roc_auc": 0.7}, {"value": "y", "rows": 1, "roc_auc": None}]
BINS = [{"predicted": 0.1, "observed": 0.2}, {"predicted": 0.5, "observed": 0.6}]
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)


def regression(predicted, label=NUMBERS):
    return describe_errors(pa.table({"label": label, "network": predicted}), {"task": "regression"})


DRAWN = {
    "side_by_side": lambda: charts.side_by_side(EVALUATION),
    "training_curve": lambda: charts.training_curve(HISTORY),
    "ranking": lambda: charts.ranking(RANKED),
    "scores_by_answer": lambda: charts.scores_by_answer(RANKED),
    "confusion": lambda: charts.confusion(
        describe_errors(SORTED, {"task": "multiclass", "classes": CLASSES})["confusion"]
    ),
    "predicted_against_true": lambda: charts.predicted_against_true(regression(NUMBERS * 0.9)),
    "predicted_against_true, perfect": lambda: charts.predicted_against_true(regression(NUMBERS)),
    "predicted_against_true, one value": lambda: charts.predicted_against_true(regression(NUMBERS * 0, NUMBERS * 0)),
    "importance": lambda: charts.importance([{"feature": HOSTILE, "importance": 0.1, "std": None}], "roc_auc", 5),
    "by_group": lambda: charts.by_group("c", GROUPS, "roc_auc", Estimate(0.8, 0.7, 0.9)),
    "reliability": lambda: charts.reliability(BINS, "binary"),
    "reliability of a regression": lambda: charts.reliability(BINS, "regression"),
    "kept_rows": lambda: kept_rows(TABLES),
    "missing_shares": lambda: missing_shares([("a.b", 0.5), ("a.c", 1e-9)]),
    "time_spans": lambda: time_spans([("a.b", FIRST, LAST), ("a.c", FIRST, FIRST)]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_one_picture_that_passes_the_sanitiser(name) -> None:
    html = DRAWN[name]()
    assert sanitise(html).count("<img src=") == 1, "the sanitiser keeps the picture"
    alt, caption = re.search(r'alt="([^"]*)"', html)[1], re.search(r"<figcaption>(.*?)</figcaption>", html)[1]
    assert len(alt) >= 20, "an alternative text says what is seen"
    assert len(caption) > 20
    svg = svg_of(html)
    ET.fromstring(svg)
    assert "<script" not in svg
    assert not re.search(r"(href|src)=\"(?!#)", svg.replace("data:image/png", "#")), "nothing is fetched"


def test_a_single_epoch_is_no_curve() -> None:
    assert "single epoch" in charts.training_curve(HISTORY[:1])


def test_learning_by_heart_is_said_only_where_it_is_seen() -> None:
    assert "learn by heart" in charts.training_curve(HISTORY)
    assert "learn by heart" not in charts.training_curve(HISTORY[:5])
    assert "learn by heart" not in charts.training_curve(HISTORY[:6]), "one epoch after the best may be a wobble"


def test_a_bar_that_nobody_sees_is_about_nothing(monkeypatch) -> None:
    written = []
    monkeypatch.setattr("matplotlib.axes.Axes.annotate", lambda self, text, *_, **__: written.append(text))
    rows = [
        {"feature": name, "importance": value, "std": 0.0} for name, value in (("a", 0.17), ("b", 0.004), ("c", 7.5e-7))
    ]
    html = charts.importance(rows, "roc_auc", 5)
    assert written == ["0.17", "0.0040", "≈ 0"]
    assert "c 0.00000075" in html, "those who do not see the chart are told the number"


def test_the_same_data_give_the_same_bytes() -> None:
    assert charts.training_curve(HISTORY) == charts.training_curve(HISTORY)


def svg_of(html: str) -> str:
    return base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()


def test_neutral_colours_follow_the_reader_and_letters_are_outlines_of_the_pages_font() -> None:
    svg = svg_of(charts.training_curve(HISTORY))
    assert "prefers-color-scheme:dark" in svg
    assert re.search(r"fill: ?var\(--c\d\)", svg), "text is drawn in a variable colour"
    assert "<text" not in svg, "a picture can load no font"
    assert "font-family" not in svg
    used = {name.rpartition("-")[0] for name in re.findall(r'xlink:href="#([^"]*-[0-9a-f]+)"', svg)}
    assert "Inter-Regular" in used
    assert used <= {"Inter-Regular", "Inter-Bold"}
    assert "scale(0.015625)" in svg, "letters keep their size: 64 units a point, as Matplotlib has them"


def test_a_script_that_the_font_has_not_is_drawn_all_the_same(recwarn) -> None:
    """Greek and Cyrillic are in Inter, Georgian and Armenian in DejaVu; for Chinese there is no letter in either."""
    names = ("возраст ηλικία 年齢", "ასაკი տարիք")
    svg_of(charts.importance([{"feature": name, "importance": 0.5, "std": 0.0} for name in names], "roc_auc", 3))
    missing = {chr(int(found[1])) for one in recwarn if (found := re.match(r"Glyph (\d+) .*missing", str(one.message)))}
    assert missing <= set("年齢")


def test_rows_of_equal_score_pass_a_threshold_together() -> None:
    alarms, found, precision = rank_curves(np.array([1, 0, 1, 1, 0, 0]), np.array([0.9, 0.8, 0.8, 0.7, 0.2, 0.2]))
    assert alarms.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3, 1])
    assert found.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert precision.tolist() == pytest.approx([1, 1, 2 / 3, 3 / 4, 1 / 2])


def test_a_curve_of_many_points_is_thinned() -> None:
    label = RNG.integers(0, 2, 50_000)
    errors = describe_errors(pa.table({"label": label, "network": RNG.random(50_000)}), {"task": "binary"})
    assert len(errors["roc"]) <= 200
    assert len(charts.ranking(errors)) < 80_000


def test_a_search_is_drawn_with_the_best_setting_in_words() -> None:
    trials = [
        {"trial": at, "state": state, "validation_loss": loss, "epochs": 3, "seconds": 1.0, "best": at == 1,
         "learning_rate": rate, "dropout": 0.1, "width": 64.0}
        for at, (state, loss, rate) in enumerate(
            [("complete", 0.5, 0.001), ("complete", 0.4, 0.01), ("pruned", 0.9, 0.0001), ("fail", None, 0.02)]
        )
    ]  # fmt: skip
    html = charts.parallel_coordinates(trials)
    assert "3 settings were tried, 1 of them given up early. The best is trial 1: learning rate 0.0100" in html
    assert "validation loss 0.400" in html
    for too_few in ([], trials[:1]):
        assert "Its settings are the defaults" in charts.parallel_coordinates(too_few)


def test_the_numbers_stand_in_the_alternative_text() -> None:
    assert "Neural network 0.800 (between 0.780 and 0.820); Majority guess 0.500" in charts.side_by_side(EVALUATION)
    assert "a: 9 of 10 rows kept" in kept_rows(TABLES)


@pytest.mark.parametrize("pair", [(BLUE, ORANGE), (BLUE, GREY), (ORANGE, GREY), (BLUE, VERMILLION)])
def test_colours_that_stand_together_differ_in_lightness(pair) -> None:
    """So they can be told apart without any colour vision, and on a black-and-white print."""

    def lightness(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    assert abs(lightness(pair[0]) - lightness(pair[1])) > 0.05


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with pytest.raises(RuntimeError), picture(alt="x"):
        raise RuntimeError
    with picture(alt="x") as drawn:
        drawn.axes[0].plot([1, 2])
    assert dict(mpl.rcParams) == before
