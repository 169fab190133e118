"""Steps the wrong way are counted along one column, row by row; boosting can be kept from any."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from workbench.learning import Columns
from workbench.learning.boosting.fit import boosting
from workbench.learning.monotone import violations

ROWS = pa.table({"x": np.linspace(-1, 1, 200), "side": np.arange(200) % 2, "none": pa.nulls(200, pa.float64())})


def column(name: str) -> Callable[[pa.Table], np.ndarray]:
    return lambda table: table[name].to_numpy().astype(float)


def test_a_line_goes_one_way_only() -> None:
    up = violations(column("x"), ROWS, "x", "increasing")
    assert (up.share, up.worst, up.steps) == (0.0, 0.0, 2000)
    down = violations(column("x"), ROWS, "x", "decreasing")
    assert down.share == 1.0
    assert down.worst == pytest.approx(0.2, abs=0.02)


def test_what_happens_to_some_rows_is_not_hidden_by_a_mean() -> None:
    """Half of the rows go up by twice as much as the others go down."""

    def predict(table: pa.Table) -> np.ndarray:
        x, side = column("x")(table), column("side")(table)
        return np.where(side == 1, 2 * x, -x)

    found = violations(predict, ROWS, "x", "increasing")
    assert found.share == 0.5


def test_rounding_is_no_step_and_what_does_not_vary_cannot_move() -> None:
    random = np.random.default_rng(0)
    noisy = violations(lambda t: column("x")(t) + 1e-5 * random.normal(size=t.num_rows), ROWS, "x", "increasing")
    assert noisy.share == 0
    for name in ("none", "side"):
        assert violations(column("x"), ROWS, name, "decreasing").share == 0
    assert violations(column("x"), ROWS, "none", "increasing").steps == 0
    assert violations(column("x"), ROWS, "side", "increasing").steps == 200


def test_only_some_rows_are_drawn_and_the_same_ones() -> None:
    found = [violations(column("x"), ROWS, "x", "increasing", rows=50, seed=3) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].steps <= 500


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_boosting_holds_to_it_by_construction(task: str) -> None:
    """A target that turns round: left alone, trees follow it both ways."""
    random = np.random.default_rng(0)

    def rows(count: int) -> pa.Table:
        x, kind = random.uniform(-1, 1, count), random.choice(["a", "b"], count)
        signal = -np.abs(x - 0.3) + random.normal(size=count) * 0.1
        return pa.table({"k": kind, "x": x, "y": signal if task == "regression" else (signal > -0.5).astype(int)})

    columns, train, validation = Columns(task, "y", ("x",), ("k",)), rows(800), rows(400)  # type: ignore[arg-type]
    free = boosting(train, validation, columns)
    held = boosting(train, validation, columns, monotone={"x": "increasing"})
    assert violations(free.predict, validation, "x", "increasing").share > 0.2
    assert violations(held.predict, validation, "x", "increasing").share == 0
    falling = boosting(train, validation, columns, monotone={"x": "decreasing"})
    assert violations(falling.predict, validation, "x", "decreasing").share == 0
