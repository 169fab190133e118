from __future__ import annotations

import numpy as np
import pytest

from workbench.learning.metrics import calibration_bins, chance_level, expected_error


def honest(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    prediction = random.beta(1, 3, rows)
    return (random.random(rows) < prediction).astype(float), prediction


def test_bins_have_equal_rows_and_rise() -> None:
    bins = calibration_bins("binary", *honest(10_000))
    assert len(bins) == 10
    assert all(999 <= item.rows <= 1001 for item in bins)
    assert sorted(item.predicted for item in bins) == [item.predicted for item in bins]


def test_honest_probabilities_are_calibrated_and_exaggerated_ones_are_not() -> None:
    y, prediction = honest(10_000)
    assert expected_error(calibration_bins("binary", y, prediction)) < chance_level("binary", y, prediction) < 0.02
    exaggerated = np.where(prediction > 0.3, 0.95, 0.02)
    assert expected_error(calibration_bins("binary", y, exaggerated)) > 0.1
    assert expected_error(calibration_bins("binary", y, prediction + 0.1)) == pytest.approx(0.1, abs=0.02)


def test_the_chance_level_grows_where_rows_are_few() -> None:
    levels = [chance_level("binary", *honest(rows)) for rows in (100, 1000, 10_000)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 3 * levels[2]


def test_an_honest_model_stays_below_the_chance_level_nineteen_times_in_twenty() -> None:
    below = 0
    for seed in range(100):
        y, prediction = honest(300, seed)
        below += expected_error(calibration_bins("binary", y, prediction)) <= chance_level(
            "binary", y, prediction, draws=60
        )
    assert 88 <= below <= 100


def test_equal_predictions_share_a_bin() -> None:
    """Else the order of the rows would make bins differ that must not."""
    y = np.concatenate([np.zeros(500), np.ones(500)])
    (only,) = calibration_bins("binary", y, np.full(1000, 0.5))
    assert (only.predicted, only.observed, only.rows) == (0.5, 0.5, 1000)


@pytest.mark.parametrize("rows", [1, 19, 45])
def test_few_rows_make_few_bins(rows: int) -> None:
    bins = calibration_bins("binary", *honest(rows))
    assert len(bins) == max(1, rows // 20)
    assert sum(item.rows for item in bins) == rows


def test_of_several_classes_the_likeliest_is_judged() -> None:
    random = np.random.default_rng(0)
    prediction = random.dirichlet(np.ones(3), 5000)
    y = np.array([random.choice(3, p=row) for row in prediction])
    assert (
        expected_error(calibration_bins("multiclass", y, prediction)) < chance_level("multiclass", y, prediction) < 0.05
    )
    sure = prediction**4 / (prediction**4).sum(axis=1, keepdims=True)
    assert expected_error(calibration_bins("multiclass", y, sure)) > 0.1


def test_of_numbers_the_means_are_judged() -> None:
    random = np.random.default_rng(0)
    prediction = random.normal(size=5000) * 10
    y = prediction + random.normal(size=5000)
    level = chance_level("regression", y, prediction)
    assert expected_error(calibration_bins("regression", y, prediction)) < level < 0.1
    assert expected_error(calibration_bins("regression", y + 3, prediction)) == pytest.approx(3, abs=0.1)
    assert chance_level("regression", y + 3, prediction) == pytest.approx(level)
