"""Temperature and conformal intervals: what they promise holds on rows that nobody fitted anything on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.learning import Columns, TrainConfig, fit
from workbench.learning.calibration import Conformal, Temperature
from workbench.learning.encoding.target import labels
from workbench.learning.metrics import compute
from workbench.learning.networks import TabMSpec

SMALL = TabMSpec(members=4, width=24, bins=12, embedding=4)


def drawn(task: str, rows: int, sureness: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and those probabilities with log-odds made ``sureness`` times as large."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, 2 if task == "binary" else 4)) * 2
    true, said = (np.exp(at) / np.exp(at).sum(1, keepdims=True) for at in (logits, logits * sureness))
    label = (random.random((rows, 1)) > true.cumsum(1)).sum(1)
    return label, said[:, 1] if task == "binary" else said


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("sureness", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_too_much_and_too_little_confidence(task: str, sureness: float) -> None:
    found = Temperature.fit(task, *drawn(task, 20_000, sureness, 1))
    assert found.value == pytest.approx(sureness, rel=0.05)
    label, said = drawn(task, 20_000, sureness, 2)
    honest = found.apply(task, said)
    before, after = (compute(task, label, at)["log_loss"] for at in (said, honest))
    assert after < before + 1e-4
    if task == "binary":
        assert (np.argsort(said) == np.argsort(honest)).all()
    else:
        np.testing.assert_allclose(honest.sum(axis=1), 1)
        assert (said.argmax(axis=1) == honest.argmax(axis=1)).all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("sureness", [0.01, 0.3, 1.0, 3.0, 40.0])
def test_the_temperature_is_the_one_that_a_general_method_finds(task: str, sureness: float) -> None:
    """scipy's bounded search, which the bare machine of a GPU lacks; at both ends, too."""
    from scipy.optimize import minimize_scalar

    label, said = drawn(task, 2_000, sureness, 5)
    found = Temperature.fit(task, label, said)

    def loss(temperature: float) -> float:
        return compute(task, label, Temperature(temperature).apply(task, said))["log_loss"]

    wanted = minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded", options={"xatol": 1e-7}).x
    assert found.value == pytest.approx(wanted, rel=1e-4)
    assert Temperature.from_dict({"value": found.value}) == found, "it is one that can be read again"


def test_predictions_that_say_nothing_stay_as_they_are() -> None:
    assert Temperature.fit("binary", np.array([0, 1] * 50), np.full(100, 0.5)) == Temperature(1.0)


def test_too_few_rows_and_certainty_do_no_harm() -> None:
    assert Temperature.fit("binary", np.array([0, 1] * 10), np.full(20, 0.9)) == Temperature(1.0)
    assert Temperature.fit("binary", np.zeros(100), np.full(100, 0.9)) == Temperature(1.0)
    certain = Temperature(2.0).apply("binary", np.array([0.0, 1.0, 0.5]))
    assert np.isfinite(certain).all()
    assert certain[2] == 0.5


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_as_often_as_they_say(coverage: float) -> None:
    """Heavy tails, a model that is off, 4,000 rows: within two points on rows that were put aside."""
    random = np.random.default_rng(3)
    value = random.standard_t(2, size=24_000)
    said = 0.5 * value + random.normal(size=24_000)
    conformal = Conformal.fit(value[:4_000], said[:4_000])
    half = conformal.half_width(coverage)
    held = np.abs(value - said)[4_000:] <= half
    assert abs(held.mean() - coverage) < 0.02
    exact = np.sort(np.abs(value - said)[:4_000])
    assert half >= exact[int(np.ceil(4_001 * coverage)) - 1]


def test_few_rows_keep_every_residual_and_refuse_what_they_cannot_promise() -> None:
    conformal = Conformal.fit(np.arange(9.0), np.zeros(9))
    assert [conformal.half_width(level) for level in (0.1, 0.5, 0.9)] == [0, 4, 8]
    with pytest.raises(ModelError, match=r"holds 0\.95 of the time needs more than 9 validation rows"):
        conformal.half_width(0.95)
    with pytest.raises(ModelError, match="coverage 90 is not between 0 and 1"):
        conformal.half_width(90)


def test_a_trained_regression_has_intervals_that_survive_the_disk(
    make_table: Callable, make_columns: Callable, quick: TrainConfig, tmp_path
) -> None:
    train, validation, test = (make_table("regression", rows, at) for at, rows in enumerate((1200, 8000, 8000)))
    model = fit(train, validation, make_columns("regression"), replace(quick, network=SMALL))
    value = labels(test, model.columns)
    for coverage in (0.8, 0.95):
        low, high = model.predict_interval(test, coverage)
        assert abs(((low <= value) & (value <= high)).mean() - coverage) < 0.02
        np.testing.assert_allclose((low + high) / 2, model.predict(test))
    model.save(tmp_path / "model")
    again = type(model).load(tmp_path / "model")
    assert again.conformal == model.conformal is not None
    assert np.array_equal(again.predict_interval(test, 0.9)[1], model.predict_interval(test, 0.9)[1])


@pytest.mark.parametrize(
    "record",
    [
        {"rows": 3, "residuals": [1.0, 2.0, 3.0], "ranks": [1, 2]},
        {"rows": 3, "residuals": [1.0, 3.0, 2.0], "ranks": [1, 2, 3]},
        {"rows": 9, "residuals": [1.0, 2.0, 3.0], "ranks": [1, 2, 3]},
        {"rows": 0, "residuals": [], "ranks": []},
    ],
    ids=["lengths", "order", "rows", "nothing"],
)
def test_residuals_that_do_not_fit_are_refused(record: dict) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Conformal.from_dict(record)


def test_a_classification_has_a_temperature_and_no_intervals(models: Callable, make_table: Callable) -> None:
    model, rows = models("binary"), make_table("binary", 20)
    assert model.temperature is not None
    with pytest.raises(ModelError, match="intervals for a regression only, and this is a binary model"):
        model.predict_interval(rows)


def test_an_overconfident_network_is_toned_down(quick: TrainConfig) -> None:
    """Noise learned by heart is said with confidence; on validation rows the temperature takes that back."""
    random = np.random.default_rng(0)
    names = [f"x{at}" for at in range(20)]
    table = pa.table({**{name: random.normal(size=700) for name in names}, "y": random.integers(0, 2, 700)})
    config = replace(quick, epochs=60, patience=60, learning_rate=1e-2, network=SMALL)
    validation = table.slice(200, 300)
    model = fit(table.slice(0, 200), validation, Columns("binary", "y", tuple(names), ()), config)
    assert model.temperature is not None
    assert model.temperature.value > 1
    label, told = labels(validation, model.columns), model.predict(validation)
    model.temperature = None
    assert compute("binary", label, told)["log_loss"] < compute("binary", label, model.predict(validation))["log_loss"]
