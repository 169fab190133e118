from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from workbench.learning import Columns
from workbench.learning.importance import permutation


def test_useful_columns_are_important_and_useless_ones_are_not(models: Callable, make_table: Callable) -> None:
    model = models("binary")
    found = permutation(model.predict, make_table("binary", 800, 5), model.columns, "roc_auc", repeats=2)
    assert {item.feature for item in found[:3]} == {"slope", "wave", "kind"}
    assert all(item.importance > 0.03 for item in found[:3])
    assert all((item.importance, item.std) == (0, 0) for item in found[3:])
    assert len(found) == len(model.columns.features)


def test_the_sign_follows_the_metric_s_direction(models: Callable, make_table: Callable) -> None:
    model = models("regression")
    found = permutation(model.predict, make_table("regression", 300, 5), model.columns, "rmse", repeats=1)
    assert found[0].importance > 10


def test_it_looks_at_so_many_rows_and_is_seeded(make_table: Callable, make_columns: Callable) -> None:
    sizes = []

    def predict(table: pa.Table) -> np.ndarray:
        sizes.append(table.num_rows)
        return table["slope"].to_numpy()

    table = make_table("regression", 500)
    once, again, other = (
        permutation(predict, table, make_columns("regression"), "mae", rows=100, repeats=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert once == again != other
    assert set(sizes) == {100, 300}


def test_where_the_metric_is_undefined_there_is_no_importance() -> None:
    table = pa.table({"n": [1.0, 2.0, 3.0], "y": [1, 1, 1]})
    assert (
        permutation(lambda rows: rows["n"].to_numpy() / 9, table, Columns("binary", "y", ("n",), ()), "roc_auc") == []
    )


def test_of_many_columns_those_are_shuffled_that_the_predictions_hang_on() -> None:
    """Also where two columns act together; a text and a gap are no trouble for the forest."""
    random = np.random.default_rng(0)
    names = tuple(f"x{at}" for at in range(60))
    columns = {name: random.normal(size=600) for name in names}
    kind = random.choice(["a", "b", "c"], size=600)
    score = columns["x0"] + 3 * ((columns["x7"] > 0) & (columns["x40"] > 0)) + 2 * (kind == "b")
    gaps = {name: np.where(random.random(600) < 0.1, np.nan, values) for name, values in columns.items()}
    gaps["x5"][:] = np.inf
    table = pa.table({**gaps, "kind": kind, "y": (score > 0).astype(int)})
    asked: list[int] = []

    def predict(rows: pa.Table) -> np.ndarray:
        asked.append(rows.num_rows)
        x0, x7, x40 = (np.nan_to_num(rows[name].to_numpy()) for name in ("x0", "x7", "x40"))
        told = x0 + 3 * ((x7 > 0) & (x40 > 0)) + 2 * (rows["kind"].to_numpy(zero_copy_only=False) == "b")
        return 1 / (1 + np.exp(-told))

    found = permutation(predict, table, Columns("binary", "y", names, ("kind",)), "roc_auc", repeats=2, most=8)
    assert {item.feature for item in found[:4]} == {"x0", "x7", "x40", "kind"}
    assert len(found) == 8
    assert len(asked) == 1 + 8
