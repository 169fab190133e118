from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pyarrow as pa
import pytest
import torch

from workbench.errors import ModelError
from workbench.learning import Columns, EpochReport, TabularModel, TrainConfig, fit
from workbench.learning.config import batch_size_for, patience_for
from workbench.learning.encoding.target import labels
from workbench.learning.metrics import compute
from workbench.learning.networks import default_spec

Make = Callable[..., pa.Table]
WANTED = {"binary": ("roc_auc", 0.93), "multiclass": ("accuracy", 0.78), "regression": ("r2", 0.88)}


def same(one: TabularModel, other: TabularModel) -> bool:
    pairs = zip(one.network.state_dict().items(), other.network.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.mark.parametrize("task", WANTED)
def test_it_learns_the_rule(task: str, models: Callable, make_table: Make) -> None:
    model, test = models(task), make_table(task, 1000, 3)
    metric, least = WANTED[task]
    assert compute(task, labels(test, model.columns), model.predict(test))[metric] > least


def test_the_same_seed_gives_the_same_bits_and_leaves_the_generator_alone(
    make_table: Make, make_columns: Callable, quick: TrainConfig
) -> None:
    train, validation, columns = make_table("binary", 300, 1), make_table("binary", 100, 2), make_columns("binary")
    config = replace(quick, epochs=2)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    first = fit(train, validation, columns, config)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(456)
    assert same(first, fit(train, validation, columns, config))
    assert not same(first, fit(train, validation, columns, replace(config, seed=18)))


def test_only_training_rows_are_fitted_on(make_table: Make, make_columns: Callable, quick: TrainConfig) -> None:
    """Other validation rows change which epoch is best, never what an epoch learns."""
    train, columns, config = make_table("binary", 300, 1), make_columns("binary"), replace(quick, epochs=1)
    usual = make_table("binary", 100, 2)
    strange = usual.set_column(0, "slope", pa.array(np.full(100, 1e6))).set_column(4, "kind", pa.array(["z"] * 100))
    one, other = fit(train, usual, columns, config), fit(train, strange, columns, config)
    assert one.encoder == other.encoder
    assert same(one, other)


def test_it_stops_when_validation_no_longer_gets_better_and_keeps_the_best(quick: TrainConfig) -> None:
    random = np.random.default_rng(0)
    noise = pa.table({"a": random.normal(size=300), "b": random.normal(size=300), "y": random.integers(0, 2, 300)})
    train, validation = noise.slice(0, 200), noise.slice(200)
    told: list[EpochReport] = []
    columns = Columns("binary", "y", ("a", "b"), ())
    model = fit(train, validation, columns, replace(quick, epochs=200, patience=3), told.append)
    assert told == model.history
    losses = [report.validation_loss for report in told]
    best = int(np.argmin(losses)) + 1
    waited = patience_for(200, 32, 3)
    assert waited == 29  # of seven steps each
    assert [report.epoch for report in told] == list(range(1, best + waited + 1))
    assert [report.stopped for report in told] == [None] * (best + waited - 1) + ["patience"]
    assert [report.epoch for report in told if report.best][-1] == best
    model.temperature = None
    found = compute("binary", labels(validation, columns), model.predict(validation))["log_loss"]
    assert found == pytest.approx(losses[best - 1], abs=1e-6)


def test_the_budget_ends_a_training_in_the_middle_of_an_epoch(
    make_table: Make, make_columns: Callable, quick: TrainConfig
) -> None:
    ticks = count()
    train, validation = make_table("binary", 2000, 1), make_table("binary", 100, 2)
    config = replace(quick, epochs=1000, batch_size=32, budget_seconds=100)
    model = fit(train, validation, make_columns("binary"), config, clock=lambda: float(next(ticks)))
    assert next(ticks) < 110
    assert model.history[-1].stopped == "budget"
    assert 95 <= model.history[-1].seconds <= 105
    assert np.isfinite(model.predict(validation)).all()


def test_a_budget_that_is_spent_before_the_first_step_still_gives_a_model(
    make_table: Make, make_columns: Callable, quick: TrainConfig
) -> None:
    train, validation = make_table("binary", 200, 1), make_table("binary", 50, 2)
    model = fit(train, validation, make_columns("binary"), replace(quick, budget_seconds=0))
    assert [report.stopped for report in model.history] == ["budget"]


def test_a_loss_that_is_not_a_number_is_an_error(make_table: Make, make_columns: Callable, quick: TrainConfig) -> None:
    train, validation = make_table("regression", 200, 1), make_table("regression", 50, 2)
    with pytest.raises(ModelError, match=r"the training loss became (nan|inf) with a learning rate of 1e\+30"):
        fit(train, validation, make_columns("regression"), replace(quick, learning_rate=1e30))


@pytest.mark.parametrize("rows", [2, 33, 100])
def test_small_tables_and_odd_remainders_are_learned_from(
    rows: int, make_table: Make, make_columns: Callable, quick: TrainConfig
) -> None:
    train = make_table("regression", rows, 1)
    columns = Columns("regression", "y", ("slope", "wave"), ("kind",))
    model = fit(train, train, columns, replace(quick, epochs=2))
    assert model.config.batch_size == 32
    assert np.isfinite(model.predict(train)).all()


def test_the_batch_follows_the_table() -> None:
    assert [batch_size_for(rows, 1024) for rows in (1, 100, 10_000, 100_000, 10_000_000)] == [32, 32, 64, 512, 1024]
    assert batch_size_for(100, 8) == 8


def test_patience_is_counted_in_steps_where_an_epoch_has_few() -> None:
    assert [patience_for(rows, 32, 6) for rows in (10, 345, 1_100, 100_000)] == [200, 19, 6, 6]


def test_whoever_names_no_network_gets_one_that_fits_and_it_is_on_record(
    make_table: Make, make_columns: Callable
) -> None:
    train, validation = make_table("binary", 300, 1), make_table("binary", 100, 2)
    model = fit(train, validation, make_columns("binary"), TrainConfig(epochs=1))
    assert model.spec == default_spec(300, 3, "cpu")  # slope, wave, kind; nothing of what never varies
    assert model.spec.name == "tabm"


def test_unseen_and_missing_values_are_predicted(models: Callable, make_table: Make) -> None:
    model, rows = models("binary"), make_table("binary", 50, 5)
    usual = model.predict(rows)
    unseen = model.predict(rows.set_column(4, "kind", pa.array(["never seen"] * 50)))
    missing = model.predict(rows.set_column(0, "slope", pa.nulls(50, pa.float64())))
    for strange in (unseen, missing):
        assert ((strange > 0) & (strange < 1)).all()
        assert not np.allclose(strange, usual)


def test_twin_columns_do_no_harm(make_table: Make, quick: TrainConfig) -> None:
    train, validation = (
        table.append_column("twin", table["wave"])
        for table in (make_table("binary", 800, 1), make_table("binary", 300, 2))
    )
    model = fit(train, validation, Columns("binary", "y", ("slope", "wave", "twin"), ("kind",)), quick)
    assert model.history[-1].value > 0.9


def test_a_table_without_validation_rows_is_refused(make_table: Make, make_columns: Callable) -> None:
    table = make_table("binary", 50)
    with pytest.raises(ModelError, match="there is no validation row"):
        fit(table, table.slice(0, 0), make_columns("binary"))


def test_a_validation_fold_of_one_class_has_no_auc_but_a_loss(
    make_table: Make, make_columns: Callable, quick: TrainConfig
) -> None:
    train = make_table("binary", 200, 1)
    ones = train.filter(pa.compute.equal(train["y"], 1))
    model = fit(train, ones, make_columns("binary"), replace(quick, epochs=1))
    assert model.history[0].value is None
    assert "validation_roc_auc" not in model.history[0].metrics()


def test_devices_are_checked(make_table: Make, make_columns: Callable) -> None:
    table = make_table("binary", 50)
    with pytest.raises(ModelError, match="device 'tpu' is unknown"):
        fit(table, table, make_columns("binary"), TrainConfig(device="tpu"))
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="torch sees no CUDA device"):
            fit(table, table, make_columns("binary"), TrainConfig(device="cuda"))
