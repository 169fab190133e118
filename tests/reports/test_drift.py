"""The page on drift: what the distances mean, and what to do."""

from __future__ import annotations

import pytest

from workbench.reports import drift
from workbench.reports.charts.drift import _names
from workbench.reports.charts.rows import leave_room
from workbench.reports.style import picture

SUMMARY = {
    "state": "drift", "prediction": "drift", "answer": "stable", "features": 2, "watched": 0, "drifted": 1,
    "reference": {"rows": 900, "first": "2024-01-01", "last": "2024-06-30"},
    "new": {"rows": 300, "first": "2024-07-01", "last": "2024-08-01"},
    "limits": {"watch": 0.1, "drift": 0.25, "confidence": 0.999}, "new_rows": "test fold",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "unlike those that the model learned from"),
        ({"drifted": 0}, "No column moved by itself"),
        ({"prediction": "stable"}, "Find out why, before it does"),
        ({"state": "watch"}, "differ a little"),
        ({"state": "stable"}, "like the old ones"),
    ],
)
def test_the_verdict_says_what_it_means_for_the_predictions(change, said) -> None:
    assert said in drift.overview(SUMMARY | change, [])


def test_the_next_steps_name_the_columns(acme) -> None:
    column = {"role": "feature", "column": "region", "state": "drift", "psi": 1.0, "unseen": 0.4}
    html = drift.next_steps(acme, SUMMARY, [column | {"missing_before": 0.0, "missing_now": 0.5}])
    assert "Look up the new categories" in html
    assert "More are than before, in region." in html
    assert "kedro run --env clients/acme" in html
    assert "Look again" in drift.next_steps(acme, SUMMARY | {"state": "stable"}, [])


@pytest.mark.parametrize(
    ("psi", "said"),
    [(0.017, "0.017; chance alone stays under 0.00069, but so small a move does not matter: stable."),
     (0.0005, "0.00050; chance alone stays under 0.00069: stable.")],
)  # fmt: skip
def test_what_is_more_than_chance_and_yet_stable_is_called_small(psi, said) -> None:
    column = {"role": "prediction", "column": "p", "state": "stable", "psi": psi, "psi_by_chance": 0.00069}
    assert said in drift.prediction([column], [])


def test_what_predictions_are_held_against_is_said() -> None:
    column = {"role": "prediction", "column": "p", "state": "stable", "psi": 0.0, "psi_by_chance": 0.1}
    bins = [{"role": "prediction", "column": "p", "bin": name, "before": 0.5, "now": 0.5} for name in ("a", "b")]
    said = drift.prediction([column], bins, SUMMARY | {"prediction_before": "validation"})
    assert "which it has not learned from" in said
    assert "which it has not learned from" not in drift.prediction([column], bins, SUMMARY)


@pytest.mark.parametrize(
    ("bins", "names"),
    [
        (["up to 0.0000221410", "up to 18.0", "above"], ["≤ 0.0000221", "≤ 18", "above"]),
        (["up to 0.99735", "up to 0.99997", "up to 1.0"], ["≤ 0.997", "≤ 0.99997", "≤ 1"]),
        (["up to 1017.2", "up to 1023.4", "up to 1026.4"], ["≤ 1,017", "≤ 1,023", "≤ 1,026"]),
        (["up to date", "(missing)"], ["up to date", "(missing)"]),
    ],
)
def test_bounds_have_as_few_digits_as_leave_them_where_they_are(bins, names) -> None:
    assert _names(bins) == names


def test_no_axis_of_shares_goes_beyond_all_rows() -> None:
    with picture(alt="all rows in one bin") as drawn:
        (ax,) = drawn.axes
        ax.bar([0], [100])
        leave_room(ax)
        assert max(ax.get_yticks()) == 100
        assert ax.get_ylim()[1] > 110


def test_means_are_told_with_as_few_digits_as_tell_them_apart() -> None:
    column = {
        "role": "feature", "column": "pressure", "kind": "number", "state": "watch", "psi": 0.33, "psi_by_chance": 0.001,
        "wasserstein": 4.1, "wasserstein_scaled": 0.57, "missing_before": 0.0, "missing_now": 0.0,
    }  # fmt: skip
    for before, now, told in ((1017.4, 1020.9, "1,021<small>1,017<"), (58.94, 41.7, "41.7<small>58.9<")):
        assert told in drift.column_table([column | {"mean_before": before, "mean_now": now}])
    html = drift.column_table([column | {"mean_before": None, "mean_now": None}])
    assert "!\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}be\N{NO-BREAK SPACE}watched" in html
    assert "chance:\N{NO-BREAK SPACE}0.0010" in html
