from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from workbench.learning.metrics import by_group, compute, group_names


def names(values: list[object] | pa.Array) -> list[str]:
    return group_names(pa.chunked_array([values])).tolist()


def test_each_group_is_scored_as_if_it_stood_alone() -> None:
    random = np.random.default_rng(0)
    y, prediction = random.integers(0, 2, 400).astype(float), random.random(400)
    groups = random.choice(np.array(["a", "b", "c"], dtype=object), 400, p=[0.6, 0.3, 0.1])
    found = {group.value: group for group in by_group("binary", y, prediction, groups, fewest=1)}
    assert [group.rows for group in found.values()] == sorted((group.rows for group in found.values()), reverse=True)
    for value, group in found.items():
        mine = groups == value
        assert group.scores == pytest.approx(compute("binary", y[mine], prediction[mine]))
        assert (group.rows, group.mean) == (mine.sum(), y[mine].mean())


def test_small_groups_and_groups_of_one_class_have_no_score_but_a_reason() -> None:
    y = np.array([0.0, 1.0] * 30 + [1.0] * 60 + [0.0] * 5)
    groups = np.array(["both"] * 60 + ["ones"] * 60 + ["few"] * 5, dtype=object)
    both, ones, few = sorted(by_group("binary", y, np.full(125, 0.6), groups), key=lambda group: group.value != "both")
    assert both.reason == ""
    assert None not in both.scores.values()
    few, ones = sorted((ones, few), key=lambda group: group.rows)
    assert (set(few.scores.values()), few.reason) == ({None}, "fewer than 50 rows")
    assert (ones.scores["roc_auc"], ones.scores["accuracy"], ones.reason) == (None, 1.0, "one class only")


def test_several_classes_and_numbers_can_be_grouped() -> None:
    random = np.random.default_rng(0)
    groups = np.array(["a", "b"] * 100, dtype=object)
    (one, _) = by_group("multiclass", random.integers(0, 3, 200), random.dirichlet(np.ones(3), 200), groups)
    assert one.scores.keys() == {"accuracy", "log_loss", "macro_f1"}
    (flat, _) = by_group("regression", np.ones(200), np.ones(200), groups)
    assert (flat.scores["r2"], flat.scores["rmse"], flat.reason) == (None, 0.0, "one value only")


def test_texts_numbers_and_missing_values_have_names() -> None:
    assert names(["x", None, ""]) == ["x", "(missing)", ""]
    assert names([1.0, 2.5, None, float("nan")]) == ["1", "2.5", "(missing)", "(missing)"]
    assert names([True, False, None]) == ["True", "False", "(missing)"]
    assert names([7, 8]) == ["7", "8"]


def test_many_numbers_become_quarters_and_many_texts_keep_the_commonest() -> None:
    quarters = names(pa.array([*np.arange(1000.0), None]))
    assert len(set(quarters)) == 5
    assert all(240 <= quarters.count(name) <= 260 for name in set(quarters) - {"(missing)"})
    assert quarters[0] == quarters[249]
    texts = names([f"t{at}" for at in range(80)] + ["t3"] * 5)
    assert len(set(texts)) == 51
    assert texts.count("(others)") == 30
