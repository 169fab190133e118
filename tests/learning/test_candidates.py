"""Several models under one budget: who is trained, who goes on, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from workbench.errors import ModelError
from workbench.learning import Columns, EpochReport, TrainConfig
from workbench.learning.candidates import check_names, select


def straight(rows: int, seed: int, *, noise: float = 1.0) -> pa.Table:
    """A target that is a sum: nothing is better than a linear model."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 4))
    return pa.table({**{f"x{at}": x[:, at] for at in range(4)}, "y": x.sum(axis=1) + noise * random.normal(size=rows)})


SUM = Columns("regression", "y", ("x0", "x1", "x2", "x3"), ())


def test_the_best_on_validation_rows_goes_on(quick: TrainConfig) -> None:
    short = replace(quick, epochs=1)
    found = select(straight(600, 1), straight(300, 2), SUM, short, metric="rmse", ensemble=False)
    assert list(found.contenders) == ["network", "boosting", "linear"]
    values = {kind: one.value for kind, one in found.contenders.items()}
    assert found.chosen == min(values, key=values.get) == "linear"
    assert found.model is found.contenders["linear"].model
    assert all(one.weight == 0 for one in found.contenders.values())
    assert found.contenders["boosting"].seconds > 0


def test_a_mean_goes_on_if_it_is_surely_better(
    make_table: Callable, make_columns: Callable, quick: TrainConfig
) -> None:
    train, validation = make_table("regression", 800, 1), make_table("regression", 3000, 2)
    found = select(train, validation, make_columns("regression"), quick, names=("tabm", "boosting"), metric="rmse")
    assert found.chosen == "ensemble"
    assert list(found.contenders) == ["network", "boosting", "ensemble"]
    weights = [one.weight for one in found.contenders.values()]
    assert sum(weights[:2]) == pytest.approx(1)
    test = make_table("regression", 3000, 3)
    errors = {k: np.std(one.model.predict(test) - test["y"].to_numpy()) for k, one in found.contenders.items()}
    assert errors["ensemble"] < min(errors["network"], errors["boosting"])


def coin(rows: int, seed: int) -> pa.Table:
    """A class that one number decides, half of the time."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 3))
    y = (x[:, 0] + random.normal(size=rows) > 0).astype(int)
    return pa.table({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": y})


COIN = Columns("binary", "y", ("a", "b", "c"), ())


def test_of_models_that_few_rows_cannot_tell_apart_the_mean_goes_on() -> None:
    found = select(coin(300, 3), coin(60, 4), COIN, TrainConfig(), names=("linear", "boosting"), metric="roc_auc")
    assert found.chosen == "ensemble"
    weights = {kind: one.weight for kind, one in found.contenders.items() if kind != "ensemble"}
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) >= 0.25, "half is the same for all"


def test_a_model_that_is_surely_the_best_is_not_mixed_with_what_only_seems_to_help() -> None:
    found = select(straight(600, 1), straight(900, 2), SUM, TrainConfig(), names=("linear", "boosting"), metric="rmse")
    assert found.chosen == "linear"


def test_equally_good_models_go_in_the_order_in_which_they_are_named(quick: TrainConfig) -> None:
    clear = pa.table({"n": np.arange(200.0), "y": (np.arange(200) >= 100).astype(int)})
    columns = Columns("binary", "y", ("n",), ())
    for names in (("boosting", "linear"), ("linear", "boosting")):
        found = select(clear, clear, columns, quick, names=names, metric="roc_auc", ensemble=False)
        assert found.chosen == names[0]


@pytest.mark.parametrize(
    ("name", "near"), [("tabm ", "tabm"), ("bosting", "boosting"), ("Ridge", ""), ("liner", "linear")]
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ModelError, match=f"candidate '{name}' is unknown .*did you mean '{near}"):
        check_names([name])


def test_the_network_has_what_the_others_left_and_the_size_of_the_whole_budget(
    make_table: Callable, make_columns: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.learning import trainer

    asked: dict[str, Any] = {}
    real = trainer.fit

    def fit(*given: Any, **named: Any) -> Any:
        asked.update(named, budget=given[3].budget_seconds)
        return real(*given, **named)

    monkeypatch.setattr(trainer, "fit", fit)
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    told: list[EpochReport] = []
    train, validation = make_table("binary", 200, 1), make_table("binary", 100, 2)
    config = TrainConfig(budget_seconds=40.0, epochs=100)
    found = select(
        train, validation, make_columns("binary"), config, metric="roc_auc", on_epoch=told.append, clock=clock
    )  # fmt: skip
    assert asked["budget"] == 40.0
    assert 5 < asked["spent"] < 20
    assert told[-1].stopped == "budget"
    assert now[0] < 60
    network = found.contenders["network"].model
    assert network.config.network == trainer.default_spec(200, network.encoder.inputs.columns, "cpu", 40.0)  # type: ignore[attr-defined]
