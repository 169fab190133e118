"""Where the champion errs, on tables small enough to reckon by hand."""

from __future__ import annotations

import pytest

from workbench.engines import connection
from workbench.notebook.errors import errors_by, judged


@pytest.fixture
def table():
    made = connection().create_table
    return lambda name, columns: made(f"errors_{name}", columns, overwrite=True)


ROLES = {"key": ["id"], "fold": "fold", "target": "y", "task": "binary"}


def test_only_test_rows_are_judged_and_the_error_is_what_the_truth_lacked(table) -> None:
    features = table("f", {"id": [1, 2, 3], "fold": ["test", "train", "test"], "y": [1, 1, 0], "a": [1.0, 2.0, 3.0]})
    said = table(
        "p", {"id": [3, 1, 2], "fold": ["test"] * 3, "prediction": [0, 0, 1], "probability": [0.25, 0.25, 0.9]}
    )
    found = judged(features, said, ROLES).order_by("id").to_pyarrow().to_pylist()
    assert [(row["id"], row["error"]) for row in found] == [(1, 0.75), (3, 0.25)]
    assert found[0]["a"] == 1.0


def test_other_tasks(table) -> None:
    classes = table("c", {"id": [1, 2], "fold": ["test"] * 2, "y": ["a", "b"]})
    said = table("s", {"id": [1, 2], "prediction": ["a", "a"], "probability": [0.75, 0.875]})
    found = judged(classes, said, ROLES | {"task": "multiclass"}).order_by("id")["error"].to_pyarrow().to_pylist()
    assert found == [0.25, 0.875]
    numbers = table("n", {"id": [1, 2], "fold": ["test"] * 2, "y": [10.0, 20.0]})
    said = table("v", {"id": [1, 2], "prediction": [12.0, 17.0]})
    found = judged(numbers, said, ROLES | {"task": "regression"}).order_by("id")["error"].to_pyarrow().to_pylist()
    assert found == [2.0, 3.0]


def test_a_number_is_cut_into_equal_groups_and_missing_is_its_own(table) -> None:
    rows = table("bins", {"a": [1.0, 2.0, 3.0, 4.0, None], "error": [0.1, 0.3, 0.5, 0.7, 0.9]})
    found = errors_by(rows, "a", bins=2).to_pyarrow().to_pylist()
    assert [row["group"] for row in found] == ["missing", "1.0 to 2.0", "3.0 to 4.0"]
    assert [row["rows"] for row in found] == [1, 2, 2]
    assert [row["error"] for row in found] == pytest.approx([0.9, 0.2, 0.6])


def test_a_text_is_grouped_by_its_values_the_worst_first(table) -> None:
    rows = table("text", {"a": ["x", "y", "y", None], "error": [0.1, 0.5, 0.7, 0.2]})
    found = errors_by(rows, "a").to_pyarrow().to_pylist()
    assert [row["group"] for row in found] == ["y", None, "x"]
